"""The same stream for asyncio: a Protocol with one buffer, without StreamReader.

asyncio's own streams keep data that came in clear after ``start_tls``. Here, all data is in this
buffer, and STARTTLS asserts that it is empty.
"""

import asyncio
import math
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Self, cast

from gatepost.errors import (
    Disconnected,
    NetworkError,
    NoDescriptor,
    RemoteProtocolError,
    TimedOut,
    TlsError,
)
from gatepost.model.body import windows_of
from gatepost.net.dial import CONNECT_TIMEOUT, Endpoint, Server, make_socket, unreachable
from gatepost.net.sync_stream import CLOSE_TIMEOUT
from gatepost.net.system_resolver import Find, find_endpoints
from gatepost.net.tls import Context, TlsLayer

HIGH_WATER: Final = 65_536
"""Octets that may be buffered before reading from the socket stops."""
JOINED: Final = 65_536
"""Octets up to which copying pieces into one is cheaper than writing many."""


class AsyncStream(asyncio.Protocol):
    """A connection with the same promises as ``SyncStream``."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._buffer = bytearray()
        self._transport: asyncio.Transport
        self._changed: asyncio.Future[bool] | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        """The deadline that the timer was set for."""
        self._writable = True
        self._lost = False
        self._was_heard = False
        """Something that the peer sent was read."""
        self._peer_address = ""
        self._failure: NetworkError | None = None
        self.tls: TlsLayer | None = None
        self.ended = False
        """The peer has ended its side."""
        self.ragged = False
        """It ended without close_notify under TLS, so its last data may be incomplete."""

    @classmethod
    async def connect(
        cls, server: Server, timeout: float = CONNECT_TIMEOUT, find: Find = find_endpoints
    ) -> Self:
        """Return a stream to ``server``. Raises ResolveError, ConnectError, NoDescriptor or
        TimedOut."""
        loop = asyncio.get_running_loop()
        failures: list[tuple[Endpoint, OSError]] = []
        for endpoint in await find(server, timeout):
            try:
                connected = await _connect_to(endpoint, timeout)
                stream = cls(connected)
                await loop.create_connection(lambda: stream, sock=connected)  # noqa: B023
            except NoDescriptor:
                raise
            except OSError as error:
                failures.append((endpoint, error))
            else:
                return stream
        raise unreachable(server, failures)

    @property
    def local_address(self) -> str:
        """Our own IP address on this connection."""
        return str(self._transport.get_extra_info("sockname")[0])

    @property
    def peer_address(self) -> str:
        """The IP address of the peer."""
        return self._peer_address

    @property
    def is_quiet(self) -> bool:
        """True if the peer is connected, and all that it sent has been read."""
        return not (self._buffer or self.ended or self._lost or self._failure is not None)

    async def receive(self, timeout: float) -> bytes:
        """Return the next octets, ``b""`` at the end. Raises TimedOut, Disconnected or TlsError."""
        await self._until(self._can_read, time.monotonic() + timeout, "said nothing")
        if not self._buffer and self._failure is not None:
            raise self._failure
        return self._take()

    def try_write(self, octets: bytes) -> bool:
        """Write all of ``octets``; False if the peer does not read, so that ``flush`` must follow.
        Raises Disconnected or TlsError."""
        if self._lost:
            raise self._failure or Disconnected("connection lost")
        if self.tls is None:
            self._transport.write(octets)
        else:
            self.tls.send(octets)
            self._flush()
        return self._writable and not self._lost

    async def flush(self, timeout: float) -> None:
        """Wait until the peer reads. Raises TimedOut or Disconnected."""
        await self._until(self._can_write, time.monotonic() + timeout, "did not read")
        if self._lost:
            raise self._failure or Disconnected("connection lost")

    async def send(self, octets: bytes, timeout: float) -> None:
        """Write all of ``octets``. Raises TimedOut, Disconnected or TlsError."""
        if not self.try_write(octets):
            await self.flush(timeout)

    async def send_body(
        self,
        pieces: Iterable[bytes],
        timeout: float,
        end: float = math.inf,
        *,
        in_thread: bool = False,
    ) -> bytes:
        """Write ``pieces`` in windows, each within ``timeout``, until the peer replies.

        ``end``: the time (``time.monotonic``) by which everything must be written. ``in_thread``:
        each window takes time to make. Returns what the peer sent too early, ``b""`` if everything
        was written. Raises as ``send`` does.
        """
        left = windows_of(pieces)
        following = await asyncio.to_thread(next, left, None) if in_thread else next(left, None)
        while (window := following) is not None:
            if self._can_read():
                break
            following = await asyncio.to_thread(next, left, None) if in_thread else next(left, None)
            self._write_window(window)
            if following is None and not self._transport.get_write_buffer_size():
                return b""  # everything is sent: a reply is not too early now
            deadline = min(time.monotonic() + timeout, end)
            await asyncio.sleep(0)  # let the loop read: the peer may have replied
            await self._until(
                lambda: self._can_read() or self._can_write(), deadline, "did not read"
            )
        else:
            if self._buffer and not self._transport.get_write_buffer_size():
                return b""  # a reply to all of it is not too early, however fast it is
        if self._buffer:
            return self._take()
        if self._failure is not None:
            raise self._failure
        if self.ended:
            raise Disconnected("the peer closed while the message was sent")
        return b""

    async def start_tls(self, context: Context, server_hostname: str, timeout: float) -> TlsLayer:
        """Perform the TLS handshake as the client. Raises TlsError, or as ``receive`` does."""
        early = bytes(self._buffer)
        if early and self._was_heard:
            raise RemoteProtocolError("octets in clear behind the reply to STARTTLS")
        self._buffer.clear()
        self.tls = layer = TlsLayer(context, server_hostname=server_hostname)
        self._flush()
        if early:  # implicit TLS (RFC 8314 3): a server that sends first does not use TLS
            self.data_received(early)
        await self._until(
            lambda: not layer.handshaking or self._is_over(),
            time.monotonic() + timeout,
            "did not finish the TLS handshake",
        )
        if self._failure is not None:
            raise self._failure
        if layer.handshaking:
            layer.receive_eof()
        return layer

    async def close(self, timeout: float = CLOSE_TIMEOUT) -> None:
        """Send close_notify, give the peer ``timeout`` to do the same, and close."""
        try:
            if not self._lost:
                if self.tls is not None and not self.tls.handshaking:
                    self.tls.close()
                    self._flush()
                self._transport.write_eof()
                self._transport.resume_reading()
                deadline = time.monotonic() + timeout
                await self._until(lambda: self.ended or self._lost, deadline, "did not close")
        except OSError:
            pass  # it has been closed already
        finally:
            self._transport.abort()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._peer_address = str(self._transport.get_extra_info("peername")[0])

    def data_received(self, data: bytes) -> None:
        """Store and decrypt data, and stop reading if nobody fetches it."""
        if self.tls is None:
            self._buffer += data
        elif self._failure is None:
            try:
                self._buffer += self.tls.receive(data)
                self.ended = self.tls.closed
                self._failure = self.tls.failure
            except TlsError as error:
                self._failure = error
            finally:
                self._flush()
        if len(self._buffer) > HIGH_WATER:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        """Note the end; our own half stays open until we close it."""
        self.ended = True
        self.ragged = self.tls is not None and not self.tls.closed
        self._wake()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that nothing can be sent any more."""
        self._lost = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if exc is not None and self._failure is None:
            self._read_last_words()
            why = exc.strerror if isinstance(exc, OSError) else None
            if self._failure is None:
                self._failure = Disconnected(f"connection lost: {why or exc}")
        self.ended = True
        self._wake()

    def _read_last_words(self) -> None:
        """Read what came before a write failed; the event loop would discard it."""
        try:
            while not self._is_over() and (last := self._socket.recv(HIGH_WATER)):
                self.data_received(last)
        except OSError:
            return

    def pause_writing(self) -> None:
        """Note that the peer does not read as fast as we write."""
        self._writable = False

    def resume_writing(self) -> None:
        """Continue to write."""
        self._writable = True
        self._wake()

    # One future, completed by the next event of any kind.

    async def _until(self, condition: Callable[[], bool], deadline: float, failing: str) -> None:
        """Wait until ``condition`` holds. Raises TimedOut."""
        loop = asyncio.get_running_loop()
        while not condition():
            self._deadline = deadline
            if self._timer is None or deadline < self._timer_at:
                self._set_timer(loop)
            self._changed = loop.create_future()
            if not await self._changed and not condition():
                raise TimedOut(f"the server {failing} in time")

    def _wake(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(True)

    def _set_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the one timer of all waits; when it fires, it looks whether the deadline has
        changed."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = self._deadline
        self._timer = loop.call_later(max(self._deadline - time.monotonic(), 0.0), self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if self._lost or self._changed is None or self._changed.done():
            return
        if time.monotonic() < self._deadline:
            self._set_timer(loop)
        else:
            self._changed.set_result(False)

    def _is_over(self) -> bool:
        return self.ended or self._failure is not None

    def _can_read(self) -> bool:
        return bool(self._buffer) or self.ended or self._failure is not None

    def _can_write(self) -> bool:
        return self._writable or self._lost

    def _take(self) -> bytes:
        taken = bytes(self._buffer)
        self._buffer.clear()
        self._was_heard = True
        if not self._lost:
            self._transport.resume_reading()
        return taken

    def _write_window(self, pieces: Sequence[bytes]) -> None:
        """Write small pieces in one call, and large ones without copying them."""
        if self._lost or self._transport.is_closing():  # which asyncio's writelines does not ask
            raise self._failure or Disconnected("connection lost")
        if sum(map(len, pieces)) <= JOINED:
            pieces = (b"".join(pieces),)
        if self.tls is None:
            self._transport.writelines(pieces)
            return
        for piece in pieces:
            self.tls.send(piece)
        self._transport.write(self.tls.outgoing())

    def _flush(self) -> None:
        if self.tls is not None and (octets := self.tls.outgoing()) and not self._lost:
            self._transport.write(octets)


async def _connect_to(endpoint: Endpoint, timeout: float) -> socket.socket:
    sock = make_socket(endpoint)
    try:
        sock.setblocking(False)
        async with asyncio.timeout(timeout):
            await asyncio.get_running_loop().sock_connect(sock, endpoint.sockaddr)
    except BaseException:
        sock.close()
        raise
    return sock
