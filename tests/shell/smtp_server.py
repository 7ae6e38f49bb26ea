"""A fake SMTP server whose behaviour is a function of the test."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.certificates import Pair
from tests.tcp_server import PATIENCE, TcpServer


class Client:
    """The connection as the scripted server uses it."""

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
        """Return the lines up to the end of data."""
        content = b""
        while (line := self.hear()) != b".":
            content += line + b"\r\n"
        return content

    def answer(self, *replies: str) -> None:
        """Read one command for each reply, and send the reply."""
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


class SmtpServer(TcpServer):
    """Runs a behaviour for one client after the other, and keeps what each sent."""

    def __init__(self, behaviour: Behaviour, pair: Pair) -> None:
        super().__init__(self._run, concurrent=False)
        self.address = f"localhost:{self.port}"
        self.clients: list[Client] = []
        self.failure: BaseException | None = None
        self._behaviour = behaviour
        self._pair = pair

    def _run(self, connection: socket.socket) -> None:
        client = Client(connection, self._pair)
        self.clients.append(client)
        try:
            self._behaviour(client)
        except BaseException as failure:  # noqa: BLE001  # told by the test that reads it
            self.failure = failure
        finally:
            client.socket.close()


@contextmanager
def serving(behaviour: Behaviour, pair: Pair) -> Iterator[SmtpServer]:
    """Run ``behaviour`` for each connection; if it fails, the test fails."""
    with SmtpServer(behaviour, pair) as server:
        yield server
    if server.failure is not None:
        raise server.failure
