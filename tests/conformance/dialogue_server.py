"""A fake SMTP server that sends the server lines of a dialogue, and compares the client's."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from gatepost.testing import Dialogue, Values
from gatepost.testing.dialogue import NoLine
from tests.certificates import Pair
from tests.tcp_server import PATIENCE, TcpServer


class DialogueServer(TcpServer):
    """Plays one connection. ``difference`` is the first difference from the dialogue."""

    def __init__(self, dialogue: Dialogue, values: Values, pair: Pair) -> None:
        super().__init__(self._play, concurrent=False)
        self._dialogue = dialogue
        self._values = values
        self._pair = pair
        self.difference = "it never came to the end"

    def _play(self, connection: socket.socket) -> None:
        try:
            connection.settimeout(PATIENCE)
            for step in self._dialogue.steps:
                if isinstance(step, NoLine):
                    if step.what == "CLOSED":
                        break
                    connection = self._secure(connection)
                elif step.speaker == "S":
                    connection.sendall(step.octets(self._values))
                else:
                    self._hear(connection, step.octets(self._values))
            self.difference = ""
        except (OSError, AssertionError) as error:
            self.difference = f"{type(error).__name__}: {error}"
        finally:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
            connection.close()

    def _hear(self, connection: socket.socket, expected: bytes) -> None:
        heard = b""
        while len(heard) < len(expected):
            chunk = connection.recv(len(expected) - len(heard))
            if not chunk:
                break
            heard += chunk
            assert expected.startswith(heard), f"expected {expected!r}, heard {heard!r}"
        assert heard == expected, f"expected {expected!r}, heard {heard!r}"

    def _secure(self, connection: socket.socket) -> socket.socket:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._pair.certificate, self._pair.key)
        return context.wrap_socket(connection, server_side=True)


@contextmanager
def serving(dialogue: Dialogue, values: Values, pair: Pair) -> Iterator[DialogueServer]:
    """Serve a dialogue during a ``with``; at its end, the client must have kept to the dialogue."""
    with DialogueServer(dialogue, values, pair) as server:
        yield server
    assert not server.difference, server.difference
