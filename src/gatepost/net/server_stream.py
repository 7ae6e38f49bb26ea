"""An accepted connection, driven by callbacks, without a task or a second buffer.

The stream knows TLS and flow control; the protocol is up to the handler.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol, cast

from gatepost.errors import TlsError
from gatepost.net.tls import Context, TlsLayer
from gatepost.wire.proxy_header import BadProxyHeader, ProxyReader

CLOSE_TIMEOUT: Final = 5.0
"""Seconds in which a peer may read the rest before the connection is cut."""
HELD: Final = 8_192
"""Maximum octets of TLS records that wait for further output."""
UNIX: Final = "unix"
"""The address of a peer on a Unix socket, which has none."""
_AT_ONCE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER for no time: closing resets (socket(7))."""
LINGER: Final = 1.0
"""Seconds for which we read after our last data: a close with unread octets would be a reset,
which can overtake a reply or an alert."""


class Handler(Protocol):
    """The protocol on a stream."""

    def on_accept(self, stream: "ServerStream") -> None:
        """There is a connection; ``peer_address`` is the peer's."""

    def on_proxy_header(self) -> None:
        """A PROXY header came; ``peer_address`` is the client's from now on."""

    def on_bad_proxy_header(self, reason: str) -> None:
        """Something other than a PROXY header came; the stream is cut."""

    def on_connect(self) -> None:
        """Data can be exchanged, immediately or after the handshake of implicit TLS."""

    def on_data(self, octets: bytes) -> None:
        """The peer sent data."""

    def on_tls(self) -> None:
        """The handshake that ``start_tls`` began has succeeded."""

    def on_tls_failure(self, error: TlsError) -> None:
        """The handshake or a record failed; the stream closes."""

    def on_drain(self) -> None:
        """The peer has read what was written; ``is_writable`` is true again."""

    def on_end(self) -> None:
        """The peer will send nothing more, but may still read."""

    def on_close(self) -> None:
        """The connection has ended."""


class ServerStream(asyncio.Protocol):
    """One accepted connection, in clear or under TLS."""

    __slots__ = (
        "_closing", "_cutter", "_ended", "_handler", "_hearing", "_implicit", "_is_proxy",
        "_proxy", "_reading", "_tls", "_transport", "_writable", "peer_address",
    )  # fmt: skip

    def __init__(
        self,
        handler: Handler,
        implicit: Context | None = None,
        is_proxy: Callable[[str], bool] | None = None,
    ) -> None:
        """``implicit``: begin with a TLS handshake in this context (RFC 8314 3).

        ``is_proxy`` returns whether connections from a peer's address must begin with a PROXY
        header.
        """
        self._handler = handler
        self._implicit = implicit
        self._is_proxy = is_proxy
        self._proxy: ProxyReader | None = None
        self._tls: TlsLayer | None = None
        self._transport: asyncio.Transport
        self._closing = False
        self._cutter: asyncio.TimerHandle | None = None
        self._ended = False
        """The peer closed its half."""
        self._hearing = False
        """The handler is processing input: its output is sent in one write."""
        self._reading = True
        self._writable = True
        self.peer_address = ""
        """The peer's IP address, without an IPv6 scope; ``unix`` on a Unix socket."""

    @property
    def tls(self) -> TlsLayer | None:
        """The TLS layer, also during its handshake."""
        return self._tls

    @property
    def is_shaking(self) -> bool:
        """True before a PROXY header and during a TLS handshake, when nothing can be sent."""
        return self._proxy is not None or (self._tls is not None and self._tls.handshaking)

    @property
    def is_closing(self) -> bool:
        """True if nothing more can be sent."""
        return self._closing

    @property
    def is_writable(self) -> bool:
        """False while more than 64 KiB wait for the peer."""
        return self._writable

    # What the handler calls.

    def write(self, octets: bytes) -> None:
        """Send ``octets``; does nothing if the stream is closing."""
        if self._closing:
            return
        if self._tls is None:
            self._transport.write(octets)
            return
        try:
            self._tls.send(octets)
        except TlsError as error:
            self._fail(error)
        else:
            if not self._hearing or self._tls.unsent >= HELD:
                self._flush()

    @property
    def presented(self) -> tuple[str, ...]:
        """The names of the owner of the peer's verified certificate; see TlsLayer."""
        return () if self._tls is None else self._tls.presented

    def start_tls(self, context: Context) -> None:
        """Wait for a ClientHello; call it immediately after writing the 220 (RFC 3207 4)."""
        self._tls = TlsLayer(context, server_side=True)

    def pause(self) -> None:
        """Stop reading until ``resume``."""
        self._reading = False
        self._apply()

    def resume(self) -> None:
        """Continue to read, unless the peer does not read what we write."""
        if not self._reading:
            self._reading = True
            self._apply()

    def close(self) -> None:
        """Send what is left and close_notify, then close; cut the connection if the peer does not
        read it."""
        if self._closing:
            return
        self._closing = True
        if self._tls is not None and not self._tls.handshaking:
            self._tls.close()
            self._flush()
        self._part()

    def abort(self) -> None:
        """Cut the connection."""
        self._closing = True
        self._transport.abort()

    def reset(self) -> None:
        """Cut the connection with a reset; the peer may miss what was sent last."""
        connection = self._transport.get_extra_info("socket")
        if connection is not None:
            with suppress(OSError, ValueError):  # it has ended
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self.abort()

    def time_out(self) -> None:
        """Cut the connection before the first command, and tell the handler what did not come.

        A proxy or client whose settings do not match those of the listener sends nothing either,
        because it waits for a greeting.
        """
        if self._closing:
            pass  # the handler knows what failed
        elif self._proxy is not None:
            self._handler.on_bad_proxy_header("no complete PROXY header came in time")
        else:
            self._handler.on_tls_failure(TlsError("the TLS handshake was not finished in time"))
        self.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the connection.

        Replies of a few octets must not wait for a full packet; every event loop sets TCP_NODELAY
        itself.
        """
        self._transport = cast("asyncio.Transport", transport)
        self.peer_address = _address_of(transport.get_extra_info("peername"))
        if self._is_proxy is not None and self._is_proxy(self.peer_address):
            self._proxy = ProxyReader()
        self._handler.on_accept(self)
        if self._proxy is None:
            self._begin()

    def _begin(self) -> None:
        if self._implicit is not None:
            self.start_tls(self._implicit)
        else:
            self._handler.on_connect()

    def _introduce(self, data: bytes) -> bytes:
        """Read a PROXY header; return what follows it when it is complete."""
        assert self._proxy is not None  # noqa: S101 - the caller checked
        try:
            parsed = self._proxy.feed(data)
        except BadProxyHeader as error:
            self._handler.on_bad_proxy_header(str(error))
            self.abort()
            return b""
        if parsed is None:
            return b""
        self._proxy = None
        header, rest = parsed
        self.peer_address = header.address or self.peer_address
        self._handler.on_proxy_header()
        self._begin()
        return b"" if self._closing else rest

    def data_received(self, data: bytes) -> None:
        """Decrypt and pass on; data after our end is ignored."""
        if self._closing:
            return
        if self._proxy is not None and not (data := self._introduce(data)):
            return
        layer = self._tls
        if layer is None:
            self._handler.on_data(data)
            return
        self._hearing = True
        try:
            self._hear(layer, data)
        finally:
            self._hearing = False
        if (octets := layer.outgoing()) and not self._transport.is_closing():
            self._transport.write(octets)

    def _hear(self, layer: TlsLayer, data: bytes) -> None:
        shaking = layer.handshaking
        try:
            data = layer.receive(data)
        except TlsError as error:
            self._fail(error)
            return
        if shaking:
            if layer.handshaking:
                return
            self._handshake_done()
        if data and not self._closing:
            self._handler.on_data(data)
        if self._closing:
            return
        if layer.failure is not None:
            self._fail(layer.failure)  # it came after the plaintext
        elif layer.closed:
            self._handler.on_end()

    def _handshake_done(self) -> None:
        if self._implicit is None:
            self._handler.on_tls()
        else:
            self._handler.on_connect()

    def eof_received(self) -> bool:
        """Keep our half open while a reply may still follow."""
        self._ended = True
        if self._closing:
            return False
        self._handler.on_end()
        return True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the reason does not matter
        """Tell the handler, once, and drop the reference to it: a cycle would keep both, and the
        TLS state, until the garbage collector runs."""
        self._closing = True
        if self._cutter is not None:
            self._cutter.cancel()
        self._handler.on_close()
        del self._handler

    def pause_writing(self) -> None:
        """Read no more commands from a peer that does not read our replies."""
        self._writable = False
        self._apply()

    def resume_writing(self) -> None:
        """Continue to read."""
        self._writable = True
        self._apply()
        if not self._closing:
            self._handler.on_drain()

    # Private methods.

    def _apply(self) -> None:
        if self._closing or self._transport.is_closing():
            return
        if self._reading and self._writable:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def _flush(self) -> None:
        """Write the pending data of TLS: handshake messages, key updates, alerts."""
        if self._tls is not None and (octets := self._tls.outgoing()):
            self._transport.write(octets)

    def _fail(self, error: TlsError) -> None:
        self._flush()
        self._closing = True
        self._handler.on_tls_failure(error)
        self._part()

    def _part(self) -> None:
        """Close our half after what is written, and the connection when the peer has closed its
        half."""
        transport = self._transport
        if transport.is_closing():
            return
        patience = CLOSE_TIMEOUT if transport.get_write_buffer_size() else LINGER
        if self._ended:
            transport.close()
        else:
            try:
                transport.write_eof()
            except OSError:  # a reset that the loop has not reported yet
                transport.abort()
                return
            transport.resume_reading()
        self._cutter = asyncio.get_running_loop().call_later(patience, self._cut)

    def _cut(self) -> None:
        if self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._transport.close()


def _address_of(name: Any) -> str:
    """Return the IP address in a peer's name, or its replacement; None if the peer has gone."""
    if isinstance(name, tuple):
        return str(name[0]).partition("%")[0]
    return "unknown" if name is None else UNIX
