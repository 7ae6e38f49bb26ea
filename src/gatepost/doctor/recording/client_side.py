"""The client's side of a recorded session: what it does, as events in order."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from gatepost.errors import TlsError
from gatepost.net.server_stream import ServerStream
from gatepost.net.tls import Context

Kind = Literal["connected", "octets", "secured", "failed", "ended", "lost", "stop"]


@dataclass(frozen=True, slots=True)
class Event:
    """What the client did."""

    kind: Kind
    octets: bytes = b""
    error: TlsError | None = None


class ClientConnection:
    """A ``Handler`` that reads no more than requested."""

    def __init__(self, on_accepted: Callable[[], None]) -> None:
        self._on_accepted = on_accepted
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.stream: ServerStream
        self.closed = asyncio.Event()
        """The connection has ended."""
        self._writable = asyncio.Event()
        self._writable.set()

    def stop(self) -> None:
        """End the session on request."""
        self.events.put_nowait(Event("stop"))

    async def write(self, octets: bytes) -> None:
        """Send octets; wait while the client does not read."""
        self.stream.write(octets)
        if not self.stream.is_writable and not self.stream.is_closing:
            self._writable.clear()
            await self._writable.wait()

    # Handler.

    def on_accept(self, stream: ServerStream) -> None:
        """Take the connection."""
        self.stream = stream
        self._on_accepted()

    def on_proxy_header(self) -> None:
        """There are no proxies here."""

    def on_bad_proxy_header(self, reason: str) -> None:
        """There are no proxies here."""

    def on_connect(self) -> None:
        """Note that the connection is ready."""
        self.events.put_nowait(Event("connected"))

    def on_data(self, octets: bytes) -> None:
        """Take what the client sent; reading pauses."""
        self.stream.pause()
        self.events.put_nowait(Event("octets", octets))

    def on_tls(self) -> None:
        """Note that the handshake is done."""
        self.events.put_nowait(Event("secured"))

    def on_tls_failure(self, error: TlsError) -> None:
        """Note that the handshake or a record failed."""
        self.events.put_nowait(Event("failed", error=error))

    def on_drain(self) -> None:
        """Note that the client has read what was written."""
        self._writable.set()

    def on_end(self) -> None:
        """Note that the client sends nothing more."""
        self.events.put_nowait(Event("ended"))

    def on_close(self) -> None:
        """Note that the connection has ended."""
        self.closed.set()
        self._writable.set()
        self.events.put_nowait(Event("lost"))


class WatchedStream(ServerStream):
    """A stream that shows the octets of a TLS handshake."""

    __slots__ = ("_watch",)

    def __init__(
        self, handler: ClientConnection, watch: Callable[[bytes], None], implicit: Context | None
    ) -> None:
        super().__init__(handler, implicit)
        self._watch = watch

    def data_received(self, data: bytes) -> None:
        """Show the octets during the handshake, and process them."""
        if self.is_shaking:
            self._watch(data)
        super().data_received(data)
