"""A small HTTP server and client for the programs around the relay, in one event loop."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

PATIENCE: Final = 20.0
"""Seconds for an answer."""


@dataclass(frozen=True, slots=True)
class HttpAsked:
    """One request; names of fields in lower case."""

    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[HttpAsked], Awaitable[HttpAnswer | None]]
"""Returns the answer to a request; None closes the connection instead."""


@dataclass(slots=True)
class HttpEndpoint:
    """Listens on a free port of 127.0.0.1."""

    handle: Handler
    port: int = 0
    open: int = 0
    """Requests that are being handled."""
    _server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Its URL without a path."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def quiet(self, seconds: float) -> None:
        """Return when no request is being handled, or after some seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.open:  # noqa: ASYNC110 - at its next tick
                    await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, EOFError, asyncio.LimitOverrunError):
            while True:
                head, headers = await _read_head(reader)
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.open += 1
                try:
                    answer = await self.handle(HttpAsked(head.split(" ")[1], headers, body))
                finally:
                    self.open -= 1
                if answer is None:
                    break
                fields = {"content-length": str(len(answer.body)), **answer.headers}
                lines = [f"HTTP/1.1 {answer.status} OK", *[f"{k}: {v}" for k, v in fields.items()]]
                writer.write("\r\n".join([*lines, "", ""]).encode() + answer.body)
                await writer.drain()
        writer.close()


async def _read_head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    pairs = [each.partition(":") for each in lines[1:]]
    return lines[0], {name.lower(): value.strip() for name, _, value in pairs}


async def post(
    port: int,
    target: str,
    body: bytes,
    headers: Mapping[str, str],
    context: ssl.SSLContext | None = None,
) -> int:
    """Send one request on a connection of its own; return the status. Raises OSError, EOFError and
    TimeoutError."""
    async with asyncio.timeout(PATIENCE):
        name = "localhost" if context is not None else None
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname=name
        )
        try:
            fields = {
                "host": f"localhost:{port}", "content-type": "application/json",
                "content-length": str(len(body)), "connection": "close", **headers,
            }  # fmt: skip
            lines = [f"POST {target} HTTP/1.1", *[f"{k}: {v}" for k, v in fields.items()]]
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            await writer.drain()
            status, _ = await _read_head(reader)
            return int(status.split(" ")[1])
        finally:
            writer.close()
