"""Requests of other sites' pages, and of programs."""

from typing import Any

import pytest

from tests.unit.console.access.guarded import HOST, ORIGIN, TOKEN, Guarded

BEARER = f"Bearer {TOKEN}"
PATHS = ["/", "/api/v1/messages", "/%61pi/v1/messages", "//api", "/api/./v1", "/static/x", "/x"]
FOREIGN = [
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"sec_fetch_site": ""},
    {"origin": "http://evil.test"},
    {"origin": "null"},
    {"origin": ""},
    {"origin": "https://localhost:8025"},
    {"origin": "http://localhost:8026"},
    {"origin": "http://127.0.0.1:8025"},  # not the host of this request
    {"origin": "http://[", "sec_fetch_site": "same-origin"},
    {"origin": ORIGIN, "sec_fetch_site": "cross-site"},
]
OURS = [
    {},
    {"origin": ORIGIN},
    {"sec_fetch_site": "same-origin"},
    {"sec_fetch_site": "none"},
    {"origin": ORIGIN, "sec_fetch_site": "same-origin"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize("path", PATHS)
def test_a_foreign_page_is_refused(path: str, headers: dict[str, Any]) -> None:
    guarded = Guarded()
    assert guarded.ask(path, authorization=BEARER, **headers).status == 403
    assert guarded.ask(path, "DELETE", authorization=BEARER, **headers).status == 403


@pytest.mark.parametrize("headers", OURS, ids=str)
def test_our_pages_and_programs_are_answered(headers: dict[str, Any]) -> None:
    answer = Guarded().ask("/api/v1/messages", authorization=BEARER, **headers)
    assert answer.status == 200
    assert not any(name.startswith("access-control") for name in answer.headers)


def test_a_browser_changes_things_with_json_or_forms() -> None:
    guarded = Guarded()

    def status(type_: str, **headers: str) -> int:
        sent: dict[str, Any] = {"authorization": BEARER, "content_type": type_, **headers}
        return guarded.ask("/api/v1/messages", "DELETE", body=b"{}", **sent).status

    assert status("text/plain", origin=ORIGIN) == 415
    assert status("multipart/form-data; boundary=x", sec_fetch_site="same-origin") == 415
    assert status("application/json; charset=utf-8", origin=ORIGIN) == 200
    assert status("application/x-www-form-urlencoded", origin=ORIGIN) == 200
    assert status("text/plain") == 200, "a program"


def test_the_origin_is_compared_behind_a_name() -> None:
    guarded = Guarded(names=("mail",))
    answer = guarded.ask("/", host="mail:8025", origin="http://mail:8025", authorization=BEARER)
    assert answer.status == 200
    assert guarded.ask("/", host="mail:8025", origin=f"http://{HOST}").status == 403
