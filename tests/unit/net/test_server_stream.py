"""An accepted connection, on a fake transport."""

import asyncio
import ssl
from typing import Any

from gatepost.errors import TlsError
from gatepost.net.server_stream import ServerStream


class Transport:
    """What a stream asks of asyncio's."""

    is_aborted = False

    def get_extra_info(self, _name: str) -> tuple[str, int]:
        return "192.0.2.1", 4000

    def abort(self) -> None:
        self.is_aborted = True

    def is_closing(self) -> bool:
        return self.is_aborted

    def get_write_buffer_size(self) -> int:
        return 0

    def ignored(self, *_octets: bytes) -> None:
        """Nobody is there."""

    write = write_eof = resume_reading = ignored


class Listening:
    """A handler that remembers why TLS failed."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def on_accept(self, stream: ServerStream) -> None:
        """Nothing is to be done."""

    def on_tls_failure(self, error: TlsError) -> None:
        self.told.append(str(error))


def test_a_tls_failure_is_reported_once() -> None:
    """Also of a peer that is given up while it hangs on behind our alert."""

    async def main() -> None:
        handler, transport = Listening(), Transport()
        stream: Any = ServerStream(handler, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))  # type: ignore[arg-type]
        stream.connection_made(transport)
        stream.data_received(b"EHLO client.example\r\n")
        stream.time_out()
        assert len(handler.told) == 1
        assert "in time" not in handler.told[0]
        assert transport.is_aborted

    asyncio.run(main())
