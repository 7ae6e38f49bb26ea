"""Health over HTTP: whether the relay accepts mail now."""

import asyncio
from typing import Any

import msgspec

from gatepost.web.health import health_application


def ask(path: str, refusal: str, warning: str = "") -> tuple[int, Any]:
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
    asyncio.run(health_application(lambda: refusal, warning=lambda: warning)(scope, receive, send))
    return sent[0]["status"], sent[1]["body"]


def test_it_takes_mail() -> None:
    status, body = ask("/health", "")
    assert (status, msgspec.json.decode(body)) == (200, {"status": "ok"})


def test_what_is_wrong_although_it_takes_mail_is_a_warning() -> None:
    status, body = ask("/health", "", warning="leases take 300 ms")
    assert status == 200
    assert msgspec.json.decode(body) == {"status": "ok", "warning": "leases take 300 ms"}


def test_it_takes_none_and_says_why() -> None:
    status, body = ask("/health", "the disk is full")
    assert status == 503
    assert msgspec.json.decode(body) == {"status": "refusing", "reason": "the disk is full"}


def test_other_paths_are_not_found() -> None:
    assert ask("/", "")[0] == 404
