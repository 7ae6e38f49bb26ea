"""Name resolution for an event loop, in threads that do not delay the end of the process."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from typing import Final

from gatepost.errors import NetworkError, TimedOut
from gatepost.net.descriptors import Use, check_room
from gatepost.net.dial import Endpoint, Server, is_address, resolve
from gatepost.net.lookup_line import LookupLine

Find = Callable[[Server, float], Awaitable[tuple[Endpoint, ...]]]
"""Returns the addresses of a server within the given number of seconds, as ``find_endpoints``
does."""


async def find_endpoints(server: Server, timeout: float) -> tuple[Endpoint, ...]:
    """Return the result of ``dial.resolve``. Raises what it raises, NoDescriptor, and TimedOut
    after ``timeout`` s.

    The event loop's own ``getaddrinfo`` uses a few shared threads, and the process waits for them
    at its end: a silent name service would delay a stop for as long as it does not answer.
    """
    if is_address(server.host):
        return resolve(server)  # no look-up is needed
    check_room(Use.SERVICE)  # the error of the name service would not say what is missing
    loop = asyncio.get_running_loop()
    future: asyncio.Future[tuple[Endpoint, ...]] = loop.create_future()

    def tell(outcome: tuple[Endpoint, ...] | NetworkError) -> None:
        if future.done():
            return
        if isinstance(outcome, NetworkError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    def ask() -> None:
        outcome: tuple[Endpoint, ...] | NetworkError
        try:
            outcome = resolve(server)
        except NetworkError as error:
            outcome = error
        with suppress(RuntimeError):  # the loop was closed
            loop.call_soon_threadsafe(tell, outcome)

    Thread(target=ask, name="gatepost-names", daemon=True).start()
    try:
        await asyncio.wait([future], timeout=timeout)
    finally:
        future.cancel()  # no effect on one that is done
    if future.cancelled():
        raise _silence(server)
    return future.result()


STALE: Final = 86_400.0
"""Seconds for which an answer is used if there is no newer one. RFC 8767 5 suggests one to three
days."""
RENEWAL: Final = 1.0
"""Seconds to wait for a newer answer before an old one is used."""
RENEW_AGAIN: Final = 30.0
"""Seconds after which a newer answer is asked for again if none came (RFC 8767 5)."""
MAX_REMEMBERED: Final = 10_000
"""Servers whose addresses are remembered; the oldest answers are dropped."""


@dataclass(slots=True)
class _Remembered:
    """The newest answer about a server."""

    endpoints: tuple[Endpoint, ...]
    at: float
    renew_at: float = 0.0
    """When it may be asked for again, if a newer answer did not come."""


class Names:
    """Finds the addresses of servers by their names, for many connections.

    There is one look-up at a time for each server, and if the name service does not answer, its
    last answer is used for a while (RFC 8767).
    """

    def __init__(self, find: Find = find_endpoints) -> None:
        self._find = find
        self._remembered: dict[Server, _Remembered] = {}
        self._asking: dict[Server, asyncio.Task[tuple[Endpoint, ...]]] = {}
        self._line = LookupLine()

    async def find(self, server: Server, timeout: float) -> tuple[Endpoint, ...]:
        """Do what ``find_endpoints`` does."""
        if is_address(server.host):
            return resolve(server)
        now = asyncio.get_running_loop().time()
        remembered = self._remembered.get(server)
        if remembered is None or now - remembered.at >= STALE:
            return await self._newest(server, timeout, timeout)
        if now < remembered.renew_at:
            return remembered.endpoints
        try:
            return await self._newest(server, timeout, RENEWAL)
        except NetworkError as error:
            if _is_final(error):
                self._remembered.pop(server, None)
                raise
            remembered.renew_at = now + RENEW_AGAIN
            return remembered.endpoints

    async def _newest(
        self, server: Server, timeout: float, patience: float
    ) -> tuple[Endpoint, ...]:
        """Return the result of the look-up of a server, if it comes within ``patience`` seconds.
        Raises NetworkError."""
        asking = self._asking.get(server)
        if asking is None:
            asking = self._asking[server] = asyncio.create_task(self._ask(server, timeout))
            asking.add_done_callback(lambda _: self._asking.pop(server, None))
            asking.add_done_callback(_note)
        await asyncio.wait([asking], timeout=patience)
        if not asking.done():
            raise _silence(server)
        return asking.result()

    async def _ask(self, server: Server, timeout: float) -> tuple[Endpoint, ...]:
        endpoints = await self._line.run(lambda: self._find(server, timeout))
        self._remembered.pop(server, None)
        if len(self._remembered) >= MAX_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[server] = _Remembered(endpoints, asyncio.get_running_loop().time())
        return endpoints


def _is_final(error: NetworkError) -> bool:
    """Tell whether the name service has answered that there is no such name."""
    cause = error.__cause__
    return isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME


def _note(asking: "asyncio.Task[tuple[Endpoint, ...]]") -> None:
    """Note the error of a look-up that nobody waits for any more."""
    if not asking.cancelled():
        asking.exception()


def _silence(server: Server) -> NetworkError:
    return TimedOut(f"{server.host}: no answer from the name service in time").at("resolve")
