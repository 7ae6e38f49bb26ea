"""A fake SMTP server that answers from a table of replies, and keeps what it received."""

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.certificates import Pair
from tests.tcp_server import TcpServer

Replies = Mapping[str, str]


@dataclass(frozen=True)
class Script:
    """The behaviour of a server.

    ``replies`` maps the first words of a line, in upper case, to the reply; the longest match
    counts. A name that begins with ``tls `` is for TLS only. Without a match the reply is 502;
    responses to AUTH have their own entries: ``user`` and ``password``.
    """

    greeting: str | None = "220 test ESMTP"
    """None: silence; empty: closed at once."""
    woken_by: str = ""
    """A silent server greets after a line that contains this."""
    in_clear: tuple[str, ...] = ("SIZE 1000",)
    over_tls: tuple[str, ...] = ("AUTH PLAIN LOGIN",)
    replies: Replies = field(default_factory=dict)
    pair: Pair | None = None
    implicit: bool = False
    one_at_a_time: bool = False
    greets_after: float = 0.0
    accepts_ehlo: str = ""
    """The only name that EHLO may have."""
    maximum: ssl.TLSVersion | None = None
    wants_certificate: bool = False
    """Whether to ask for a client certificate; the client has none."""
    hangs_up_at: str = ""
    """The entry of ``replies`` at which the connection is closed instead."""
    obeys_injected: bool = False
    """Whether commands in clear behind STARTTLS are answered under TLS."""


DEFAULTS: Replies = {
    "EHLO": "", "STARTTLS": "220 go ahead", "QUIT": "221 bye", "RSET": "250 ok", "*": "501 no",
    "MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go", ".": "250 kept",
    "AUTH LOGIN": "334 VXNlcm5hbWU6", "user": "334 UGFzc3dvcmQ6", "password": "235 ok",
    "AUTH PLAIN": "334 ",
}  # fmt: skip


class Server(TcpServer):
    """Follows a script, and keeps the lines that it received."""

    def __init__(self, script: Script) -> None:
        super().__init__(self._talk, concurrent=not script.one_at_a_time)
        self.script = script
        self.heard: list[str] = []
        self._open: list[socket.socket] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def count(self, part: str) -> int:
        """Return the number of lines that contain ``part``."""
        return sum(part in line for line in self.heard)

    def close(self) -> None:
        """Stop, and close the connections that are still open."""
        self.stop_listening()
        for each in self._open:
            each.close()

    def _talk(self, connected: socket.socket) -> None:
        self._open.append(connected)
        conversation = _Conversation(self, connected)
        try:
            conversation.run()
        except (OSError, ValueError):
            pass  # the client left
        finally:
            conversation.socket.close()


class _Conversation:
    def __init__(self, server: Server, connected: socket.socket) -> None:
        self.server = server
        self.script = server.script
        self.socket = connected
        self.tls = False
        self.awaiting: list[str] = []

    def run(self) -> None:
        if self.script.implicit:
            self._start_tls()
        if self.script.greeting is None and self.script.woken_by:
            line = self._line()
            if self.script.woken_by in line:
                self._say("220 at last")
                self._line()
            return
        if self.script.greeting is None:
            self.socket.recv(1)
            return
        if not self.script.greeting:
            return
        time.sleep(self.script.greets_after)
        self._say(self.script.greeting)
        while self._answer(self._line()):
            pass

    def _answer(self, line: str) -> bool:
        self.server.heard.append(line)
        name = self.awaiting.pop(0) if self.awaiting and line != "*" else self._name(line)
        if line == "*":
            self.awaiting = []
        reply = self._reply(name)
        if self.script.hangs_up_at in (name, line):
            return False
        if name == "EHLO" and not reply:
            reply = self._hello(line)
        self._say(reply)
        if name == "STARTTLS" and reply.startswith("220"):
            injected = self._line() if self.script.obeys_injected else ""
            self._start_tls()
            if injected:
                self._say("250 ok")
        elif name == "AUTH LOGIN" and reply.startswith("334"):
            self.awaiting = ["password"] if len(line.split()) > 2 else ["user", "password"]
        elif name == "AUTH PLAIN" and reply.startswith("334"):
            self.awaiting = ["password"]
        elif name == "DATA" and reply.startswith("354"):
            while self._line() != ".":
                pass
            self._say(self._reply("."))
        return not reply.startswith(("221", "421"))

    def _name(self, line: str) -> str:
        known = {**DEFAULTS, **{key.removeprefix("tls "): "" for key in self.script.replies}}
        fitting = [name for name in known if line.upper().startswith(name.upper())]
        return max(fitting, key=len, default="?")

    def _reply(self, name: str) -> str:
        replies = self.script.replies
        own = replies.get(f"tls {name}") if self.tls else None
        return own or replies.get(name) or DEFAULTS.get(name, "502 not implemented")

    def _hello(self, line: str) -> str:
        if self.script.accepts_ehlo and self.script.accepts_ehlo not in line:
            return "501 5.5.4 invalid domain name"
        offers = self.script.over_tls if self.tls else self.script.in_clear
        lines = ("test at your service", *offers)
        return "\r\n".join(
            f"250{' ' if last else '-'}{text}"
            for text, last in zip(lines, [False] * (len(lines) - 1) + [True], strict=True)
        )

    def _say(self, reply: str) -> None:
        self.socket.sendall(f"{reply}\r\n".encode("utf-8", "surrogateescape"))

    def _line(self) -> str:
        octets = b""
        while not octets.endswith(b"\n"):
            octet = self.socket.recv(1)
            if not octet:
                raise ConnectionError("gone")
            octets += octet
        return octets.decode("utf-8", "surrogateescape").rstrip("\r\n")

    def _start_tls(self) -> None:
        if self.script.pair is None:
            raise ConnectionError("there is no certificate")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.script.pair.certificate, self.script.pair.key)
        if self.script.wants_certificate:
            context.load_verify_locations(self.script.pair.certificate)
            context.verify_mode = ssl.CERT_REQUIRED
        if self.script.maximum is not None:
            context.set_ciphers("ALL:@SECLEVEL=0")  # old versions need old hashes
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.maximum_version = self.script.maximum
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.server._open.append(self.socket)
        self.tls = True


@contextmanager
def serving(script: Script) -> Iterator[Server]:
    """Run a server that follows ``script``."""
    with Server(script) as server:
        try:
            yield server
        finally:
            server.close()
