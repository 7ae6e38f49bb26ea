"""Accepts the connections of the HTTP server, and counts TLS handshakes as SMTP listeners do."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from gatepost.model.operator_event import ReportEvent
from gatepost.net.accept import Accepted, Acceptor
from gatepost.net.descriptors import Use
from gatepost.net.tls import Context, describe_failure
from gatepost.relay.client_connection import HANDSHAKE_TIMEOUT
from gatepost.relay.descriptor_alarm import DescriptorAlarm
from gatepost.relay.tls_reasons import explain_handshake
from gatepost.relay.unfinished_handshakes import TOO_MANY, Handshakes


@dataclass(frozen=True, slots=True)
class HandshakeLimit:
    """How many unfinished handshakes an address may have."""

    handshakes: Handshakes
    """Those of this process, including the SMTP listeners'."""
    most: Callable[[], int | None]
    """Returns the limit per address; None: no limit."""


class WebAcceptor:
    """Accepts connections; ``make`` makes the protocol of each, once a TLS handshake has succeeded.

    asyncio's own servers report no connection before that, and take every descriptor.
    """

    def __init__(
        self,
        make: Callable[[], asyncio.Protocol],
        context: Context | None,
        limit: HandshakeLimit | None,
        report: ReportEvent,
    ) -> None:
        """``context`` None: HTTP in clear. ``limit`` None: handshakes are not limited."""
        self._make, self._context, self._limit, self._report = make, context, limit, report
        self._acceptor: Acceptor

    def start(self, sockets: Iterable[Any], alarm: DescriptorAlarm, use: Use) -> None:
        """Start to accept on these sockets."""

        def lacks() -> None:
            alarm.lacks("clients over HTTP wait until others disconnect")

        self._acceptor = Acceptor(sockets, self._serve, lacks, use)

    async def stop(self) -> None:
        """Accept no more, and abort unfinished handshakes."""
        await self._acceptor.stop(abort=True)

    def _serve(self, connection: Accepted, address: str) -> Coroutine[Any, Any, object] | None:
        limit = self._limit
        if self._context is None:
            return asyncio.get_running_loop().connect_accepted_socket(self._make, connection)
        if limit is not None and not limit.handshakes.try_enter(address, limit.most()):
            self._tell(address, TOO_MANY)
            connection.close()
            return None
        return self._shake(connection, address)

    async def _shake(self, connection: Accepted, address: str) -> None:
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
            if self._limit is not None:
                self._limit.handshakes.leave(address)

    def _tell(self, address: str, reason: str) -> None:
        self._report("tls_failed", peer=address, reason=reason)
