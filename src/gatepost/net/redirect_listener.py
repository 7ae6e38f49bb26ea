"""Waits on this machine for the browser that comes back from a sign-in (RFC 8252 7.3)."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from gatepost.errors import TimedOut
from gatepost.net.listen import listen

_LONGEST: Final = 16_384
"""Octets of a request line."""
_PATIENCE: Final = 10.0
"""Seconds for a client to send its request."""
_MOST: Final = 20
"""Requests at once."""
_DONE: Final = b"You have signed in. You may close this window.\n"
_NOTHING: Final = b"There is nothing here.\n"


class RedirectListener:
    """One port of localhost; ``port`` is a free one."""

    def __init__(self, state: asyncio.Future[str]) -> None:
        self.port = 0
        self._state = state
        self._answer: asyncio.Future[Mapping[str, str]] = asyncio.get_running_loop().create_future()
        self._open = 0

    async def wait(self, seconds: float) -> Mapping[str, str]:
        """Return the parameters of the first request with our state. Raises TimedOut."""
        try:
            async with asyncio.timeout(seconds):
                return await self._answer
        except TimeoutError:
            raise TimedOut("nobody has signed in") from None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request; anything but the redirection gets 404."""
        self._open += 1
        try:
            if self._open <= _MOST:
                async with asyncio.timeout(_PATIENCE):
                    line = await reader.readuntil(b"\n")
                    await self._respond(line, writer)
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            pass
        finally:
            self._open -= 1
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _respond(self, line: bytes, writer: asyncio.StreamWriter) -> None:
        method, _, rest = line.decode("latin-1").partition(" ")
        query = _query_of(rest.partition(" ")[0])
        is_ours = method == "GET" and query.get("state") == await self._state
        status, body = (b"200 OK", _DONE) if is_ours else (b"404 Not Found", _NOTHING)
        writer.write(
            b"HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"
            b"Cache-Control: no-store\r\nConnection: close\r\n\r\n%s" % (status, len(body), body)
        )
        await writer.drain()
        if is_ours and not self._answer.done():
            self._answer.set_result(query)


def _query_of(target: str) -> Mapping[str, str]:
    """Return the parameters in the target of a request; none if it is not well-formed."""
    try:
        return dict(parse_qsl(urlsplit(target).query, max_num_fields=32))
    except ValueError:
        return {}


@asynccontextmanager
async def listen_for_redirect(state: "asyncio.Future[str]") -> AsyncIterator[RedirectListener]:
    """Yield a listener; ``state`` is what the request must have, once it is known.

    Raises PortBusy.
    """
    redirect = RedirectListener(state)
    listener = listen("localhost", 0)
    redirect.port = listener.port
    servers = [
        await asyncio.start_server(redirect.serve, sock=each, limit=_LONGEST)
        for each in listener.sockets
    ]
    try:
        yield redirect
    finally:
        for server in servers:
            server.close()
        listener.close()
