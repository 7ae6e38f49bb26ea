"""Accepts the HTTP server's TLS connections, and counts their handshakes as SMTP listeners do."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Final

from gatepost.net.tls import Context, describe_failure
from gatepost.relay.context import Report
from gatepost.relay.handshakes import TOO_MANY, Handshakes
from gatepost.relay.receive import HANDSHAKE_TIMEOUT
from gatepost.relay.tls_reasons import explain_handshake

PAUSE: Final = 1.0
"""Seconds before it accepts again if the process has no free file handle."""


@dataclass(frozen=True, slots=True)
class HandshakeLimit:
    """How many unfinished handshakes an address may have."""

    handshakes: Handshakes
    """Those of this process, including the SMTP listeners'."""
    most: Callable[[], int | None]
    """Returns the limit per address; None: no limit."""


class TlsAcceptor:
    """Accepts connections; ``make`` makes the protocol of each whose handshake has succeeded.

    asyncio's own servers report no connection before that.
    """

    def __init__(
        self,
        make: Callable[[], asyncio.Protocol],
        context: Context,
        limit: HandshakeLimit,
        report: Report,
    ) -> None:
        self._make, self._context, self._limit, self._report = make, context, limit, report
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, sockets: Iterable[Any]) -> None:
        """Start to accept on these sockets."""
        for each in sockets:
            self._run(self._accept(each))

    async def stop(self) -> None:
        """Accept no more, and abort unfinished handshakes."""
        for each in self._tasks:
            each.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _run(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listening: Any) -> None:
        loop, limit = asyncio.get_running_loop(), self._limit
        while True:
            try:
                connection, (address, *_) = await loop.sock_accept(listening)
            except OSError as error:
                loop.call_exception_handler({"message": "", "exception": error})
                await asyncio.sleep(PAUSE)
                continue
            if limit.handshakes.enter(address, limit.most()):
                self._run(self._shake(connection, address))
            else:
                self._tell(address, TOO_MANY)
                connection.close()

    async def _shake(self, connection: Any, address: str) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._make,
                connection,
                ssl=self._context,
                ssl_handshake_timeout=HANDSHAKE_TIMEOUT,
            )
        except OSError as error:
            reason = describe_failure(error).removeprefix("TLS failed: ")
            self._tell(address, explain_handshake(reason) or "the client disconnected")
        finally:
            self._limit.handshakes.leave(address)

    def _tell(self, address: str, reason: str) -> None:
        self._report("tls_failed", peer=address, reason=reason)
