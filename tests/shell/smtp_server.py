"""A server that does what a function says, in a thread, for one connection after the other."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from tests.certificates import Pair

PATIENCE = 10.0


class Client:
    """The connection as the scripted server sees it."""

    def __init__(self, connected: socket.socket, pair: Pair) -> None:
        connected.settimeout(PATIENCE)
        self.socket = connected
        self.pair = pair
        self.heard: list[bytes] = []
        self._buffer = b""

    def say(self, *lines: str) -> None:
        """Send lines, all at once."""
        self.socket.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def hear(self) -> bytes:
        """Return the next line without its CRLF; ``b""`` at the end."""
        while b"\r\n" not in self._buffer:
            chunk = self.socket.recv(65_536)
            if not chunk:
                return b""
            self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\r\n", 1)
        self.heard.append(line)
        return line

    def hear_content(self) -> bytes:
        """Return what comes until the end of data."""
        content = b""
        while (line := self.hear()) != b".":
            content += line + b"\r\n"
        return content

    def answer(self, *replies: str) -> None:
        """Hear one command for each reply."""
        for reply in replies:
            self.hear()
            self.say(*reply.split("\n"))

    def start_tls(self) -> None:
        """Shake hands."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pair.certificate, self.pair.key)
        self.socket = context.wrap_socket(self.socket, server_side=True, suppress_ragged_eofs=False)

    def wait_for_end(self) -> None:
        """Read until the client closes."""
        while self.hear():
            pass


Behaviour = Callable[[Client], None]


class SmtpServer:
    """The running server."""

    def __init__(self, behaviour: Behaviour, pair: Pair) -> None:
        self.clients: list[Client] = []
        self.failure: BaseException | None = None
        self._behaviour = behaviour
        self._pair = pair
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"localhost:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        while True:
            try:
                connected, _ = self._listener.accept()
            except OSError:
                return
            client = Client(connected, self._pair)
            self.clients.append(client)
            try:
                self._behaviour(client)
            except BaseException as failure:  # noqa: BLE001  # told by the test that reads it
                self.failure = failure
            finally:
                client.socket.close()

    def stop_listening(self) -> None:
        """Take no further connection."""
        if self._listener.fileno() >= 0:
            # Closing alone does not wake a thread that waits in accept.
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop_listening()
        self._thread.join(PATIENCE)


@contextmanager
def serving(behaviour: Behaviour, pair: Pair) -> Iterator[SmtpServer]:
    """Run ``behaviour`` for each connection; its own failure fails the test."""
    with SmtpServer(behaviour, pair) as server:
        yield server
    if server.failure is not None:
        raise server.failure
