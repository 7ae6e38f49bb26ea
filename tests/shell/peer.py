"""An SMTP client on a plain socket that does what the test says, valid or not."""

import base64
import contextlib
import socket
import ssl
import struct
import time
from dataclasses import dataclass, field
from typing import Self

PATIENCE = 60.0


@dataclass
class Peer:
    """One connection. Every step waits for at most PATIENCE seconds."""

    sock: socket.socket
    context: ssl.SSLContext
    _unread: bytes = field(default=b"", repr=False)

    @classmethod
    def connect(cls, port: int, ca_file: str, *, host: str = "127.0.0.1") -> Self:
        """Connect without sending anything."""
        sock = socket.create_connection((host, port), PATIENCE)
        return cls(sock, ssl.create_default_context(cafile=ca_file))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, octets: bytes) -> None:
        """Send octets unchanged."""
        self.sock.sendall(octets)

    def reply(self) -> str:
        """Read one reply; return its lines joined by a newline, or an empty text at the end of
        stream."""
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
        """Read until the relay closes; under TLS it must have sent close_notify."""
        octets, self._unread = self._unread, b""
        try:
            while more := self.sock.recv(65_536):
                octets += more
        except ssl.SSLZeroReturnError:
            pass  # the end of stream, as a client sees it that sent close_notify first
        return octets

    def ask(self, command: str) -> str:
        """Send a command; return the reply."""
        self.send(command.encode() + b"\r\n")
        return self.reply()

    def greet(self, greeting: str = "220 ") -> Self:
        """Read the greeting and send EHLO; return itself."""
        assert self.reply().startswith(greeting)
        self.ask("EHLO client.example")
        return self

    def secure(self) -> Self:
        """Send STARTTLS, shake hands, and send EHLO again; return itself."""
        self.start_tls()
        self.ask("EHLO client.example")
        return self

    def send_until_it_stalls(self, octets: bytes) -> int:
        """Repeat ``octets`` while the relay reads them; return how many it read."""
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
        """Reset the connection, as a client does that crashes."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def shake(self) -> None:
        """Shake hands; the certificate must be valid."""
        self.sock = self.context.wrap_socket(
            self.sock, server_hostname="localhost", suppress_ragged_eofs=False
        )

    def start_tls(self) -> None:
        """Send STARTTLS and shake hands."""
        assert self.ask("STARTTLS").startswith("220 ")
        self.shake()

    def login(self, username: str, password: str) -> str:
        """Sign in with AUTH LOGIN; return the last reply."""
        assert self.ask("AUTH LOGIN") == "334 VXNlcm5hbWU6"
        assert self.ask(_encoded(username)) == "334 UGFzc3dvcmQ6"
        return self.ask(_encoded(password))

    def begin(self, sender: str, recipient: str = "bob@example.net") -> None:
        """Send MAIL, RCPT and DATA, up to its 354."""
        assert self.ask(f"MAIL FROM:<{sender}>").startswith("250 ")
        assert self.ask(f"RCPT TO:<{recipient}>").startswith("250 ")
        assert self.ask("DATA").startswith("354 ")

    def deliver(self, sender: str, content: bytes) -> str:
        """Send a message; return the reply to its content."""
        self.begin(sender)
        self.send(content + b".\r\n")
        return self.reply()

    def is_closed(self) -> bool:
        """Return whether the relay ends the stream in PATIENCE; what it still sends is read."""
        deadline = time.monotonic() + PATIENCE
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
    """TLS over a socket, step by step: it reads only when a method says so.

    An SSLSocket reads when it sends close_notify, and loses what it reads then.
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
        """Send close_notify; what the relay sends can still be read."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        self._flush()

    def rest(self) -> bytes:
        """Read until the relay sends close_notify; an abrupt end raises SSLEOFError."""
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
    """Return a message from ``sender``."""
    return f"From: <{sender}>\r\nSubject: hi\r\n\r\n".encode() + body
