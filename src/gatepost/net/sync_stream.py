"""A connection with blocking calls, in clear or under TLS.

These promises also hold for ``AsyncStream``: after every read, write and failure, pending data of
TLS is written, so that the peer sees our alert; close_notify goes both ways, within a deadline; a
cut connection and a close are different; a write stops as soon as the peer replies or disconnects,
and its data can still be read.
"""

import math
import selectors
import socket
import time
from collections.abc import Iterable
from typing import Final, Self

from gatepost.errors import Disconnected, RemoteProtocolError, TimedOut
from gatepost.model.body import windows_of
from gatepost.net.dial import CONNECT_TIMEOUT, Server, dial
from gatepost.net.tls import Context, TlsLayer

CHUNK: Final = 65_536
"""Octets read at a time."""
CLOSE_TIMEOUT: Final = 1.0
"""Seconds that the peer gets to close its side."""
_Selector: Final = getattr(selectors, "PollSelector", selectors.SelectSelector)


class SyncStream:
    """One connection. Timeouts are seconds for the whole call; close it after an error."""

    __slots__ = ("_early", "_socket", "ended", "ragged", "tls")

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._early = b""
        self.tls: TlsLayer | None = None
        self.ended = False
        """The peer has ended its side."""
        self.ragged = False
        """It ended without close_notify under TLS, so its last data may be incomplete."""

    @classmethod
    def connect(
        cls, server: Server, timeout: float = CONNECT_TIMEOUT, end: float = math.inf
    ) -> Self:
        """Return a stream to ``server``. Raises ResolveError, ConnectError or TimedOut.

        ``timeout``: seconds for each address; ``end``: the time (``time.monotonic``) for all.
        """
        return cls(dial(server, timeout, end))

    @property
    def local_address(self) -> str:
        """Our own IP address on this connection."""
        return str(self._socket.getsockname()[0])

    @property
    def peer_address(self) -> str:
        """The IP address of the peer."""
        return str(self._socket.getpeername()[0])

    def receive(self, timeout: float) -> bytes:
        """Return the next octets, ``b""`` at the end. Raises TimedOut, Disconnected or TlsError."""
        early, self._early = self._early, b""
        deadline = time.monotonic() + timeout
        while not early and not self.ended:
            early = self._take(self._receive_raw(deadline))
        return early

    def send(self, octets: bytes, timeout: float) -> None:
        """Write all of ``octets``. Raises TimedOut, Disconnected or TlsError."""
        deadline = time.monotonic() + timeout
        unsent = memoryview(self._seal(octets))
        while unsent:
            unsent = unsent[self._send_raw(unsent, deadline) :]

    def send_body(self, pieces: Iterable[bytes], timeout: float, end: float = math.inf) -> bytes:
        """Write ``pieces`` in windows, each within ``timeout``, until the peer replies.

        ``end``: the time (``time.monotonic``) by which everything must be written. Returns what the
        peer sent too early, ``b""`` if everything was written. Raises as ``send`` does.
        """
        with _Selector() as selector:
            both = selectors.EVENT_READ | selectors.EVENT_WRITE
            selector.register(self._socket, both)
            for window in windows_of(pieces):
                deadline = min(time.monotonic() + timeout, end)
                unsent = memoryview(self._seal(b"".join(window)))
                while unsent:
                    if not (ready := selector.select(_left(deadline))):
                        raise TimedOut("the server did not read in time")
                    if any(events & selectors.EVENT_READ for _, events in ready):
                        if octets := self._take(self._receive_raw(deadline)):
                            return octets
                        if self.ended:
                            raise Disconnected("the peer closed while the message was sent")
                    if any(events & selectors.EVENT_WRITE for _, events in ready):
                        unsent = unsent[self._send_raw(unsent, deadline) :]
        return b""

    def start_tls(self, context: Context, server_hostname: str, timeout: float) -> TlsLayer:
        """Perform the TLS handshake as the client. Raises TlsError, or as ``receive`` does."""
        if self._early:
            raise RemoteProtocolError("octets in clear behind the reply to STARTTLS")
        deadline = time.monotonic() + timeout
        self.tls = TlsLayer(context, server_hostname=server_hostname)
        self._flush(deadline)
        while self.tls.handshaking:
            self._early += self._take(self._receive_raw(deadline))
            if self.ended:
                self.tls.receive_eof()
        return self.tls

    def close(self, timeout: float = CLOSE_TIMEOUT) -> None:
        """Send close_notify, give the peer ``timeout`` to do the same, and close."""
        deadline = time.monotonic() + timeout
        try:
            if self.tls is not None and not self.tls.handshaking:
                self.tls.close()
                self._flush(deadline)
            self._socket.shutdown(socket.SHUT_WR)
            while self._receive_raw(deadline):
                pass  # a close with unread octets would be a reset, and could destroy our last data
        except OSError:
            pass  # it has been closed already
        finally:
            self._socket.close()

    def abort(self) -> None:
        """Close at once."""
        self._socket.close()

    def _take(self, raw: bytes) -> bytes:
        if not raw:
            self.ended = True
            self.ragged = self.tls is not None and not self.tls.closed
            return b""
        if self.tls is None:
            return raw
        try:
            plaintext = self.tls.receive(raw)
            self.ended = self.tls.closed
        finally:
            self._flush(time.monotonic() + CLOSE_TIMEOUT)
        return plaintext

    def _seal(self, octets: bytes) -> bytes:
        if self.tls is None:
            return octets
        self.tls.send(octets)
        return self.tls.outgoing()

    def _flush(self, deadline: float) -> None:
        """Write the pending data of TLS; the next read shows whether it arrived."""
        unsent = memoryview(self.tls.outgoing()) if self.tls is not None else memoryview(b"")
        try:
            while unsent:
                unsent = unsent[self._send_raw(unsent, deadline) :]
        except (Disconnected, TimedOut):
            return

    def _receive_raw(self, deadline: float) -> bytes:
        try:
            self._socket.settimeout(_left(deadline))
            return self._socket.recv(CHUNK)
        except TimeoutError as error:
            raise TimedOut("the server said nothing in time") from error
        except OSError as error:
            raise Disconnected(f"connection lost: {error.strerror or error}") from error

    def _send_raw(self, octets: memoryview, deadline: float) -> int:
        try:
            self._socket.settimeout(_left(deadline))
            return self._socket.send(octets)
        except TimeoutError as error:
            raise TimedOut("the server did not read in time") from error
        except OSError as error:
            raise Disconnected(f"connection lost: {error.strerror or error}") from error


def _left(deadline: float) -> float:
    """Return the seconds until ``deadline``; never zero, which would mean not to wait at all."""
    return max(deadline - time.monotonic(), 0.000_1)
