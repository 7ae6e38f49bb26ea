"""Health over HTTP: whether the relay lives, accepts mail, and delivers it."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from gatepost.web.health import HealthChecks, health_application

DEGRADED = {"delivering": False, "degraded": [{"target": "hub"}], "more": 0}


def ask(path: str, checks: HealthChecks) -> tuple[int, Any]:
    """Call the application as uvicorn does."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "headers": [],
        "query_string": b"", "root_path": "",
    }  # fmt: skip
    asyncio.run(health_application(checks)(scope, receive, send))
    body = sent[1]["body"]
    return sent[0]["status"], msgspec.json.decode(body) if body.startswith(b"{") else body


def checks(refusal: str = "", **other: Any) -> HealthChecks:
    return HealthChecks(lambda: refusal, **other)


async def degraded() -> Mapping[str, Any]:
    return DEGRADED


def test_it_takes_mail() -> None:
    good = {"status": "ok", "live": True, "ready": True, "delivering": None}
    assert ask("/health", checks()) == (200, good)


def test_what_is_wrong_although_it_takes_mail_is_a_warning() -> None:
    status, document = ask("/health", checks(warning=lambda: "leases take 300 ms"))
    assert status == 200
    assert (document["status"], document["warning"]) == ("ok", "leases take 300 ms")


def test_it_takes_none_and_says_why() -> None:
    status, document = ask("/health", checks("the disk is full"))
    assert status == 503
    assert (document["status"], document["reason"]) == ("refusing", "the disk is full")
    assert (document["live"], document["ready"]) == (True, False)


def test_it_drains() -> None:
    status, document = ask("/health", checks(is_draining=lambda: True))
    assert (status, document["status"], document["ready"]) == (503, "draining", False)


def test_a_target_that_does_not_deliver_takes_no_relay_out_of_service() -> None:
    """Its mail is safe here, and another relay would not deliver it either."""
    status, document = ask("/health", checks(delivering=degraded))
    assert (status, document["status"], document["ready"]) == (200, "ok", True)
    assert DEGRADED.items() <= document.items()


@pytest.mark.parametrize(
    ("path", "checked", "status"),
    [
        ("live", checks("the disk is full", is_draining=lambda: True), 200),
        ("live", checks(is_live=lambda: False), 503),
        ("ready", checks(delivering=degraded), 200),
        ("ready", checks(is_live=lambda: False), 503),
        ("ready", checks("the disk is full"), 503),
        ("ready", checks(is_draining=lambda: True), 503),
        ("delivering", checks("the disk is full"), 200),
        ("delivering", checks(delivering=degraded), 503),
    ],
)
def test_each_question_has_a_status_of_its_own(
    path: str, checked: HealthChecks, status: int
) -> None:
    answer, document = ask(f"/health/{path}", checked)
    assert answer == status
    assert (document[path] is not False) == (status == 200)


def test_other_paths_are_not_found() -> None:
    assert ask("/", checks())[0] == 404
    assert ask("/health/x", checks())[0] == 404
