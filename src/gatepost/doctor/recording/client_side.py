"""The client's end of a recorded session: what it does, as events in the order of their coming."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from gatepost.errors import TlsError
from gatepost.net.server_stream import ServerStream
from gatepost.net.tls import Context

Kind = Literal["connected", "said", "secured", "failed", "ended", "lost", "stop"]


@dataclass(frozen=True, slots=True)
class Event:
    """What the client did."""

    kind: Kind
    octets: bytes = b""
    error: TlsError | None = None


class ClientSide:
    """A ``Handler`` that reads no further than it is asked to."""

    def __init__(self, on_accepted: Callable[[], None]) -> None:
        self._on_accepted = on_accepted
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.stream: ServerStream
        self.gone = asyncio.Event()
        """The connection is no more."""
        self._writable = asyncio.Event()
        self._writable.set()

    def stop(self) -> None:
        """Somebody wants the session to end."""
        self.events.put_nowait(Event("stop"))

    async def write(self, octets: bytes) -> None:
        """Say something; wait while the client does not take it."""
        self.stream.write(octets)
        if not self.stream.is_writable and not self.stream.is_closing:
            self._writable.clear()
            await self._writable.wait()

    # Handler.

    def accepted(self, stream: ServerStream) -> None:
        """Take the connection."""
        self.stream = stream
        self._on_accepted()

    def introduced(self) -> None:
        """Nobody introduces anybody here."""

    def not_introduced(self, reason: str) -> None:
        """Nobody introduces anybody here."""

    def connected(self) -> None:
        """It can be spoken on."""
        self.events.put_nowait(Event("connected"))

    def received(self, octets: bytes) -> None:
        """The client said something; what it says next waits."""
        self.stream.pause()
        self.events.put_nowait(Event("said", octets))

    def secured(self) -> None:
        """The handshake is done."""
        self.events.put_nowait(Event("secured"))

    def tls_failed(self, error: TlsError) -> None:
        """The handshake or a record failed."""
        self.events.put_nowait(Event("failed", error=error))

    def drained(self) -> None:
        """The client took what was written."""
        self._writable.set()

    def ended(self) -> None:
        """The client will say nothing more."""
        self.events.put_nowait(Event("ended"))

    def lost(self) -> None:
        """The connection is gone."""
        self.gone.set()
        self._writable.set()
        self.events.put_nowait(Event("lost"))


class WatchedStream(ServerStream):
    """A stream that shows the octets of a TLS handshake as they come."""

    __slots__ = ("_watch",)

    def __init__(
        self, handler: ClientSide, watch: Callable[[bytes], None], implicit: Context | None
    ) -> None:
        super().__init__(handler, implicit)
        self._watch = watch

    def data_received(self, data: bytes) -> None:
        """Show it while the handshake lasts, and take it."""
        if self.is_shaking:
            self._watch(data)
        super().data_received(data)
