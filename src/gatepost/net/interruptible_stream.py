"""A stream whose TLS handshakes the application may watch, and spoil, from the ClientHello on."""

import asyncio
from typing import Final, Protocol

from gatepost.errors import TlsError
from gatepost.net.server_stream import Handler, ServerStream
from gatepost.net.tls import Context, TlsLayer
from gatepost.wire.tls_records import RecordReader

MAX_HELLO: Final = 65_536
"""Octets until a ClientHello must be complete."""


class HelloHandler(Handler, Protocol):
    """The protocol on such a stream."""

    def wants_hello(self) -> bool:
        """Tell whether ``on_hello`` wants to decide about the handshake that begins."""

    def on_hello(self, hello: "HeldHello") -> None:
        """A ClientHello has come, or something else; nothing happens before ``hello`` is used."""


class InterruptibleStream(ServerStream):
    """Passes each ClientHello to its handler first, if that wants it."""

    __slots__ = ()

    _handler: HelloHandler

    def start_tls(self, context: Context) -> None:
        super().start_tls(context)
        if self._handler.wants_hello():
            self._transport.set_protocol(HeldHello(self, self._transport, context))

    def take_over(self, context: Context | None, octets: bytes) -> None:
        """Continue with the handshake, in this context; None: the one that it began with."""
        self._transport.set_protocol(self)
        if context is not None:
            super().start_tls(context)
        self.data_received(octets)

    def end_raw(self, octets: bytes) -> None:
        """Send octets that are no TLS, and close."""
        self._transport.set_protocol(self)
        if not self._closing:
            self._transport.write(octets)
            self.close()

    def announce(self, hello: "HeldHello") -> None:
        """Tell the handler."""
        self._handler.on_hello(hello)

    def interpose(self, handler: HelloHandler) -> None:
        """Pass everything to another handler from now on."""
        self._handler = handler


class HeldHello(asyncio.Protocol):
    """Receives in place of a stream until a ClientHello is complete, and holds it."""

    __slots__ = ("_buffer", "_context", "_is_announced", "_reader", "_stream", "_transport")

    def __init__(
        self, stream: InterruptibleStream, transport: asyncio.Transport, context: Context
    ) -> None:
        self._stream, self._transport, self._context = stream, transport, context
        self._reader = RecordReader()
        self._buffer = bytearray()
        self._is_announced = False

    @property
    def is_over(self) -> bool:
        """Whether the connection has ended."""
        return self._stream.is_closing

    # What the event loop calls.

    def data_received(self, data: bytes) -> None:
        if self.is_over:
            return
        self._buffer += data
        if self._is_announced:
            if len(self._buffer) > MAX_HELLO:
                self._transport.pause_reading()
            return
        self._reader.feed(data)
        is_complete = self._reader.hello is not None or not self._reader.is_tls
        if is_complete or len(self._buffer) > MAX_HELLO:
            self._is_announced = True
            self._stream.announce(self)

    def eof_received(self) -> bool | None:
        self._transport.set_protocol(self._stream)
        return self._stream.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stream.connection_lost(exc)

    # What the handler calls.

    def proceed(self, context: Context | None = None) -> None:
        """Continue with the handshake, in another context if one is given."""
        self._transport.resume_reading()
        self._stream.take_over(context, bytes(self._buffer))

    def answer_raw(self, octets: bytes) -> None:
        """Send octets instead of a ServerHello, and close."""
        self._stream.end_raw(octets)

    def truncate(self, octets: int) -> None:
        """Send only the first octets of what the server would send, and close."""
        layer = TlsLayer(self._context, server_side=True)
        try:
            layer.receive(bytes(self._buffer))
        except TlsError:
            pass  # then it is an alert that is cut off
        self._stream.end_raw(layer.outgoing()[:octets])

    def close(self) -> None:
        """Close without an answer."""
        self._stream.end_raw(b"")

    def reset(self) -> None:
        """Cut the connection with a reset."""
        self._transport.set_protocol(self._stream)
        self._stream.reset()
