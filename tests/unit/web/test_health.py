"""Health over HTTP: whether the relay accepts mail now."""

import asyncio
from typing import Any

import msgspec

from gatepost.web.health import health_application


def ask(path: str, refusal: str) -> tuple[int, Any]:
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
    asyncio.run(health_application(lambda: refusal)(scope, receive, send))
    return sent[0]["status"], sent[1]["body"]


def test_it_takes_mail() -> None:
    status, body = ask("/health", "")
    assert (status, msgspec.json.decode(body)) == (200, {"status": "ok"})


def test_it_takes_none_and_says_why() -> None:
    status, body = ask("/health", "the disk is full")
    assert status == 503
    assert msgspec.json.decode(body) == {"status": "refusing", "reason": "the disk is full"}


def test_other_paths_are_not_found() -> None:
    assert ask("/", "")[0] == 404
