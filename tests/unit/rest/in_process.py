"""Calls an HTTP application in this process, without sockets."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette


@dataclass(frozen=True)
class Question:
    """A request; the body comes in ``pieces``."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    pieces: Sequence[bytes] = (b"",)
    scheme: str = "https"

    @property
    def scope(self) -> dict[str, Any]:
        return {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1",
            "method": self.method, "scheme": self.scheme, "path": self.path,
            "raw_path": self.path.encode(), "root_path": "", "query_string": self.query.encode(),
            "headers": [(key.encode(), value.encode("latin-1"))
                        for key, value in self.headers.items()],
            "server": ("127.0.0.1", 2443), "client": ("127.0.0.1", 50000),
        }  # fmt: skip


@dataclass(frozen=True)
class Answered:
    """The answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    unread: bool
    """Whether the application left a part of the request's body unread."""

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None

    @property
    def code(self) -> str:
        """The error's code; empty for a success."""
        return str(self.json["error"]["code"]) if self.status >= 400 else ""

    @property
    def message(self) -> str:
        """The error's message."""
        return str(self.json["error"]["message"])

    @property
    def error(self) -> tuple[int, str, str]:
        """Status, code and message; the code must be in its header, too."""
        assert self.headers["x-ms-error-code"] == self.code
        return self.status, self.code, self.message

    @property
    def number(self) -> int:
        """The number of the only Entra error."""
        [number] = self.json["error_codes"]
        return int(number)


async def ask(application: Starlette, question: Question) -> Answered:
    coming, sent = list(question.pieces), list[dict[str, Any]]()

    async def receive() -> dict[str, Any]:
        piece = coming.pop(0) if coming else b""
        return {"type": "http.request", "body": piece, "more_body": bool(coming)}

    async def send(message: Any) -> None:
        sent.append(message)

    await application(question.scope, receive, send)
    start, *rest = sent
    headers = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
    content = b"".join(each.get("body", b"") for each in rest)
    return Answered(start["status"], headers, content, any(coming))
