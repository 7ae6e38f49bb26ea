"""A client that does what it is told, right or wrong, on a plain socket."""

import base64
import contextlib
import socket
import ssl
import struct
import time
from dataclasses import dataclass, field
from typing import Self

PATIENCE = 10.0


@dataclass
class Peer:
    """One connection. Everything waits for at most PATIENCE seconds."""

    sock: socket.socket
    context: ssl.SSLContext
    _unread: bytes = field(default=b"", repr=False)

    @classmethod
    def connect(cls, port: int, ca_file: str, *, host: str = "127.0.0.1") -> Self:
        """Connect, and say nothing."""
        sock = socket.create_connection((host, port), PATIENCE)
        return cls(sock, ssl.create_default_context(cafile=ca_file))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, octets: bytes) -> None:
        """Send octets as they are."""
        self.sock.sendall(octets)

    def reply(self) -> str:
        """Read one reply, its lines joined by a newline; an empty one at the end of stream."""
        lines: list[str] = []
        while line := self._line():
            lines.append(line.decode().rstrip("\r\n"))
            if line[3:4] == b" ":
                break
        return "\n".join(lines)

    def _line(self) -> bytes:
        while b"\n" not in self._unread:
            octets = self.sock.recv(65_536)
            if not octets:
                return b""
            self._unread += octets
        line, _, self._unread = self._unread.partition(b"\n")
        return line + b"\n"

    def rest(self) -> bytes:
        """Read until the relay closes; under TLS it must have said close_notify."""
        octets, self._unread = self._unread, b""
        try:
            while more := self.sock.recv(65_536):
                octets += more
        except ssl.SSLZeroReturnError:
            pass  # the end, as it is told to who said close_notify first
        return octets

    def ask(self, command: str) -> str:
        """Send a command, return the reply."""
        self.send(command.encode() + b"\r\n")
        return self.reply()

    def greet(self, greeting: str = "220 ") -> Self:
        """Read the greeting and say EHLO; return itself."""
        assert self.reply().startswith(greeting)
        self.ask("EHLO client.example")
        return self

    def secure(self) -> Self:
        """Do STARTTLS and say EHLO again; return itself."""
        self.start_tls()
        self.ask("EHLO client.example")
        return self

    def send_until_it_stalls(self, octets: bytes) -> int:
        """Repeat ``octets`` while the relay takes them; how many it took."""
        patience, sent = self.sock.gettimeout(), 0
        self.sock.settimeout(0.3)
        try:
            while sent < 64 * 1024 * 1024:
                sent += self.sock.send(octets[sent % len(octets) :])
        except TimeoutError:
            pass
        self.sock.settimeout(patience)
        return sent

    def reset(self) -> None:
        """Cut the connection, as a client does that dies."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def shake(self) -> None:
        """The TLS handshake, at once; the certificate must be good."""
        self.sock = self.context.wrap_socket(
            self.sock, server_hostname="localhost", suppress_ragged_eofs=False
        )

    def start_tls(self) -> None:
        """STARTTLS and the handshake."""
        assert self.ask("STARTTLS").startswith("220 ")
        self.shake()

    def login(self, username: str, password: str) -> str:
        """AUTH LOGIN; the verdict."""
        assert self.ask("AUTH LOGIN") == "334 VXNlcm5hbWU6"
        assert self.ask(_encoded(username)) == "334 UGFzc3dvcmQ6"
        return self.ask(_encoded(password))

    def begin(self, sender: str, recipient: str = "bob@example.net") -> None:
        """MAIL, RCPT and DATA, up to its 354."""
        assert self.ask(f"MAIL FROM:<{sender}>").startswith("250 ")
        assert self.ask(f"RCPT TO:<{recipient}>").startswith("250 ")
        assert self.ask("DATA").startswith("354 ")

    def deliver(self, sender: str, content: bytes) -> str:
        """A whole transaction; the reply to its content."""
        self.begin(sender)
        self.send(content + b".\r\n")
        return self.reply()

    def is_closed_within(self, seconds: float) -> bool:
        """True when the relay ends the stream in time; what it still says is read."""
        deadline = time.monotonic() + seconds
        try:
            while (left := deadline - time.monotonic()) > 0:
                self.sock.settimeout(left)
                if not self.sock.recv(65_536):
                    return True
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False
        return False


class TlsInHand:
    """TLS over a socket, step by step: it reads nothing unless told to.

    An SSLSocket reads when it says close_notify, and loses what it reads then.
    """

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        """Shake hands over a connected socket."""
        self._sock, self._heard, self._said = sock, ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._heard, self._said, server_hostname="localhost")
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                self._hear()
        self._flush()

    def send(self, octets: bytes) -> None:
        self._tls.write(octets)
        self._flush()

    def say_close_notify(self) -> None:
        """Say that no more will come; what the relay says can still be read."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        self._flush()

    def rest(self) -> bytes:
        """Read until the relay says close_notify; a ragged end raises SSLEOFError."""
        octets = b""
        while True:
            try:
                octets += self._tls.read(65_536)
            except ssl.SSLWantReadError:
                self._hear()
            except ssl.SSLZeroReturnError:
                return octets

    def _hear(self) -> None:
        if octets := self._sock.recv(65_536):
            self._heard.write(octets)
        else:
            self._heard.write_eof()

    def _flush(self) -> None:
        self._sock.sendall(self._said.read())


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def letter(sender: str, body: bytes = b"hello\r\n") -> bytes:
    """A message from ``sender``."""
    return f"From: <{sender}>\r\nSubject: hi\r\n\r\n".encode() + body
