"""Name resolution for an event loop, in threads that do not delay the end of the process."""

import asyncio
from contextlib import suppress
from ipaddress import ip_address
from threading import Thread

from gatepost.errors import NetworkError, TimedOut
from gatepost.net.descriptors import Use, check_room
from gatepost.net.dial import Endpoint, Server, resolve


async def find_endpoints(server: Server, timeout: float) -> tuple[Endpoint, ...]:
    """Return the result of ``dial.resolve``. Raises what it raises, NoDescriptor, and TimedOut
    after ``timeout`` s.

    The event loop's own ``getaddrinfo`` uses a few shared threads, and the process waits for them
    at its end: a silent name service would delay a stop for as long as it does not answer.
    """
    if _is_address(server.host):
        return resolve(server)  # which asks nobody
    check_room(Use.SERVICE)  # the error of the name service would not say what is missing
    loop = asyncio.get_running_loop()
    found: asyncio.Future[tuple[Endpoint, ...]] = loop.create_future()

    def tell(outcome: tuple[Endpoint, ...] | NetworkError) -> None:
        if found.done():
            return
        if isinstance(outcome, NetworkError):
            found.set_exception(outcome)
        else:
            found.set_result(outcome)

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
        await asyncio.wait([found], timeout=timeout)
    finally:
        found.cancel()  # which does nothing to one that is done
    if found.cancelled():
        raise TimedOut(f"{server.host}: no answer from the name service in time").at("resolve")
    return found.result()


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
