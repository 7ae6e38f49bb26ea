"""A handler with an unexpected error: the client's answer and the operator's report."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from gatepost.directory.azure.directory import AzureDirectory
from gatepost.rest.middleware import Guard
from tests.unit.rest.email.calling import DataPlane

SECRET = "s3cr3t~value"


def break_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on whoever looks something up fails, with a text that holds a secret."""

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError(SECRET)

    for name in ("get", "all", "find", "snapshot"):
        monkeypatch.setattr(AzureDirectory, name, property(fail))


ARM = "/subscriptions/{subscription}/resourceGroups/{group}"
# fmt: off
FACES = [
    # what is asked, its route, where the code stands, the code
    ("POST", "/emails:send", "POST /emails:send", ("error", "code"), "InternalServerError"),
    ("GET", f"/subscriptions/{SECRET}/resourceGroups/g", f"GET {ARM}", ("error", "code"),
     "InternalServerError"),
    ("GET", "/v1.0/applications", "GET /v1.0/applications", ("error", "code"),
     "Service_InternalServerError"),
    ("POST", f"/{SECRET}/oauth2/v2.0/token", "POST /{tenant}/oauth2/v2.0/token", ("error",),
     "server_error"),
]
# fmt: on


@pytest.mark.parametrize(("method", "path", "route", "where", "code"), FACES)
def test_each_api_says_so_in_its_own_form(
    method: str,
    path: str,
    route: str,
    where: tuple[str, ...],
    code: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = DataPlane()
    audiences = {"/v1.0": "https://graph.microsoft.com", "/subs": "https://management.azure.com"}
    token = api.token(audiences.get(path[:5], "https://communication.azure.com"))
    break_directory(monkeypatch)
    answered = api.call(method, path, token=token)
    assert answered.status == 500
    found: Any = answered.json
    for name in where:
        found = found[name]
    assert found == code
    [(event, facts)] = [each for each in api.reports if each[0] == "api_failed"]
    assert (event, facts["route"], facts["error"]) == ("api_failed", route, "ZeroDivisionError")
    assert SECRET not in f"{facts} {answered.body!r}"


def test_the_error_code_is_also_in_a_header(monkeypatch: pytest.MonkeyPatch) -> None:
    api = DataPlane()
    break_directory(monkeypatch)
    status, code, message = api.call("POST", "/emails:send", token=api.token()).error
    assert (status, code) == (500, "InternalServerError")
    assert message == "The server encountered an internal error. Please retry the request."


# The guard itself.


async def through_guard(
    handler: Callable[[Request], Any], reports: list[str], *, cancel: bool = False
) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        response: Response = await handler(Request(scope, receive))
        await response(scope, receive, send)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    guard = Guard(app, lambda event, **_: reports.append(event))
    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    task = asyncio.create_task(guard(scope, receive, send))
    await asyncio.sleep(0)
    if cancel:
        task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() == cancel
    return sent


def test_a_request_cut_short_by_a_stop_is_a_503() -> None:
    reports: list[str] = []

    async def stalled(_request: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    sent = asyncio.run(through_guard(stalled, reports, cancel=True))
    assert sent[0]["status"] == 503
    assert json.loads(sent[1]["body"])["error"]["code"] == "ServiceUnavailable"
    assert not reports


def test_a_client_that_hangs_up_is_no_failure() -> None:
    reports: list[str] = []

    async def deserted(_request: Request) -> Response:
        raise ClientDisconnect

    assert asyncio.run(through_guard(deserted, reports)) == []
    assert not reports


def test_a_broken_off_answer_is_not_started_again() -> None:
    reports: list[str] = []

    class Half(JSONResponse):
        async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            raise ZeroDivisionError

    async def halfway(_request: Request) -> Response:
        return Half({})

    sent = asyncio.run(through_guard(halfway, reports))
    assert [each["type"] for each in sent] == ["http.response.start"]
    assert reports == ["api_failed"]
