"""Plays a dialogue's client over a real connection to a real server."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from gatepost.net.dial import Server
from gatepost.net.sync_stream import SyncStream
from gatepost.net.tls import client_context
from gatepost.testing.dialogue import Dialogue, NoLine, Say, Values
from gatepost.testing.dialogue_server import Mismatch

PATIENCE: Final = 60.0
"""Seconds for each step."""


def perform_over_sockets(dialogue: Dialogue, server: Server, ca_file: str, values: Values) -> None:
    """Play the client's lines to ``server``, a STARTTLS listener, and check its replies.

    Raises Mismatch at the first reply that differs, and NetworkError if the connection fails.
    """
    with _connected(server) as stream:
        _Socket(dialogue, stream, ca_file, values).play()


@contextmanager
def _connected(server: Server) -> Iterator[SyncStream]:
    stream = SyncStream.connect(server, PATIENCE)
    try:
        yield stream
    finally:
        stream.abort()


class _Socket:
    def __init__(
        self, dialogue: Dialogue, stream: SyncStream, ca_file: str, values: Values
    ) -> None:
        self._dialogue = dialogue
        self._stream = stream
        self._context = client_context(ca_file=ca_file)
        self._values = values
        self._unread = b""

    def play(self) -> None:
        pending = b""
        for step in self._dialogue.steps:
            if isinstance(step, Say) and step.speaker == "C":
                pending += step.octets(self._values)
                continue
            if pending:
                self._stream.send(pending, PATIENCE)
                pending = b""
            if isinstance(step, Say):
                self._expect(step)
            else:
                self._mark(step)

    def _expect(self, step: Say) -> None:
        for n in range(1, step.times + 1):
            line = self._read_line(step)
            if not step.matches(line, self._values, n):
                raise self._mismatch(step.number, step.texts(self._values)[n - 1], line)

    def _read_line(self, step: Say) -> str:
        while b"\r\n" not in self._unread:
            chunk = self._stream.receive(PATIENCE)
            if not chunk:
                raise self._mismatch(step.number, step.text, "the connection closed")
            self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\r\n")
        return line.decode("utf-8", "surrogateescape")

    def _mark(self, step: NoLine) -> None:
        if self._unread:
            raise self._mismatch(step.number, step.what, repr(self._unread))
        if step.what == "TLS":
            self._stream.start_tls(self._context, "localhost", PATIENCE)
        elif octets := self._stream.receive(PATIENCE):
            raise self._mismatch(step.number, "the connection closed", repr(octets))

    def _mismatch(self, number: int, expected: str, got: str) -> Mismatch:
        return Mismatch(f"{self._dialogue.name}, line {number}: expected {expected!r}, got {got!r}")
