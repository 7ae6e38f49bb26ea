"""What a hostile server said is saved, and diagnosed again to the same report."""

import json
import socket
from pathlib import Path

import pytest

from tests.commands import doctor
from tests.tcp_server import TcpServer

GREETING = b"220 mx.example.com ESMTP\r\n"
OFFER = b"250-mx.example.com\r\n250-SIZE\r\n250 AUTH PLAIN LOGIN\r\n"
TEXTS = {
    "NUL": b"\0", "no UTF-8": b"\xff\xfe\x80", "a surrogate": b"\xed\xa0\x80", "bare CR": b"\r",
    "quotes": b"\"\\\\\"`|<", "controls": b"\x1b[31m\x07\x7f",
    "line separators": "\u2028\x85".encode(),
    "no characters": "\uffff\ufdd0".encode(), "long": b"x" * 60_000,
    "many lines": b"a\r\n" + b"550-\xff\r\n" * 3_000 + b"550 b", "digits": b"5." + b"9" * 5_000,
}  # fmt: skip


class Hostile(TcpServer):
    """Answers each command with what the table has for it, otherwise with 250."""

    def __init__(self, greeting: bytes, replies: dict[bytes, bytes]) -> None:
        super().__init__(self._talk)
        self._greeting = greeting
        self._replies = {b"EHLO": OFFER, b"QUIT": b"221 bye\r\n", **replies}

    def _talk(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            try:
                connection.sendall(self._greeting)
                for line in lines:
                    connection.sendall(self._replies.get(line[:4].upper(), b"250 ok\r\n"))
                    if line[:4].upper() == b"QUIT":
                        break
            except OSError:
                pass  # the client left

    def close(self) -> None:
        self.stop_listening()


@pytest.mark.parametrize("name", TEXTS)
def test_what_was_said_is_diagnosed_again(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = TEXTS[name]
    for number, (greeting, replies) in enumerate((
        (b"%s\r\n" % text, {}),
        (GREETING, {
            b"EHLO": b"250-mx %s\r\n250-%s\r\n250 AUTH PLAIN %s\r\n" % (text, text, text),
            b"AUTH": b"535 5.7.8 %s\r\n" % text, b"MAIL": b"550 %s\r\n" % text,
        }),
    )):  # fmt: skip
        saved = tmp_path / f"{number}.json"
        with Hostile(greeting, replies) as server:
            asked = (f"127.0.0.1:{server.port}", "--tls", "none", "--from", "a@example.com")
            code = doctor(*asked, "--save", str(saved), "--json")
        first = capsys.readouterr().out
        assert code in (0, 1, 2, 3)
        assert json.loads(first)
        assert doctor("--evidence", str(saved), "--json") == code
        assert capsys.readouterr().out == first
        assert doctor("--evidence", str(saved)) == code
        assert doctor("--evidence", str(saved), "--markdown") == code
        capsys.readouterr()
