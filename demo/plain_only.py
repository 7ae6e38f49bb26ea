"""A client that signs in like Go's net/smtp: PLAIN with an initial response, nothing else."""

import base64
import socket
import ssl
from typing import IO


class PlainOnly:
    """One session, whose lines are recorded without the secret."""

    def __init__(self, host: str, port: int, ca_file: str) -> None:
        self.lines: list[str] = []
        self._socket = socket.create_connection((host, port), timeout=10)
        self._file: IO[bytes] = self._socket.makefile("rb")
        self._context = ssl.create_default_context(cafile=ca_file)
        self._host = host
        self.read()

    def read(self) -> str:
        """Read one reply and return its last line."""
        while True:
            line = self._file.readline().decode().rstrip("\r\n")
            self.lines.append(f"S: {line}")
            if line[3:4] != "-":
                return line

    def ask(self, command: str, shown: str = "") -> str:
        """Send one command and return the last line of the reply."""
        self.lines.append(f"C: {shown or command}")
        self._socket.sendall(f"{command}\r\n".encode())
        return self.read()

    def sign_in(self, username: str, password: str) -> str:
        """Send EHLO, STARTTLS, EHLO and AUTH PLAIN; return the last reply."""
        self.ask("EHLO localhost")
        self.ask("STARTTLS")
        self._socket = self._context.wrap_socket(self._socket, server_hostname=self._host)
        self._file = self._socket.makefile("rb")
        self.ask("EHLO localhost")
        response = base64.b64encode(f"\0{username}\0{password}".encode()).decode()
        return self.ask(f"AUTH PLAIN {response}", "AUTH PLAIN [redacted]")

    def close(self) -> None:
        """Disconnect, as the program did."""
        self._file.close()
        self._socket.close()
