"""The path by which a request is routed and checked."""

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from gatepost.console.access.paths import is_mailbox_path, plain_path
from gatepost.console.access.plain_paths import PlainPaths

PLAIN = [
    ("/", "/"),
    ("", "/"),
    ("//", "/"),
    ("/api/v1/messages", "/api/v1/messages"),
    ("//view/latest.html", "/view/latest.html"),
    ("/api//v1///messages", "/api/v1/messages"),
    ("/api/./v1/messages", "/api/v1/messages"),
    ("/view/../api/v1/messages", "/api/v1/messages"),
    ("/../../api", "/api"),
    ("/inbox/a/", "/inbox/a/"),
    ("/api/..", "/"),
    ("/.", "/"),
    ("/a%2e", "/a%2e"),  # decoded once already: these octets are part of a name
]


@pytest.mark.parametrize(("path", "plain"), PLAIN)
def test_a_path_is_made_plain(path: str, plain: str) -> None:
    assert plain_path(path) == plain
    assert plain_path(plain) == plain


@pytest.mark.parametrize(
    "path", ["/api/v1/info", "/api/events", "/view/1.html", "/inbox/a/api/v1/messages"]
)
def test_the_mailbox_api_and_its_lanes_are_known(path: str) -> None:
    assert is_mailbox_path(path)
    assert not is_mailbox_path(f"/m{path}")


def test_a_name_that_leads_elsewhere_is_refused() -> None:
    routed: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        routed.append(scope["path"])
        await PlainTextResponse("ok")(scope, receive, send)

    client = TestClient(PlainPaths(app))
    assert client.delete("/api/v1/tags/..%2fmessages").status_code == 400
    assert client.delete("/api/v1/tags/a%2Fb").status_code == 200
    assert routed == ["/api/v1/tags/a/b"]
