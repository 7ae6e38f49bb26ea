"""Other SMTP servers as programs, to test our client with."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests import fork_server
from tests.certificates import make_authority
from tests.clients.node import packages

USERNAME = "user@example.com"
PASSWORD = "a secret, long enough for a second line of base64 " * 3
TOKEN = "a-token-that-signs-in"

AIOSMTPD = [sys.executable, "-m", "tests.clients.aiosmtpd_server"]
SMTP_SERVER = [str(packages.NODE), str(packages.HERE / "server.mjs")]


@dataclass(frozen=True, slots=True)
class Server:
    """A server program that prints one JSON object a line: its ports, then each message."""

    ports: dict[str, int]
    """By the TLS mode: ``starttls``, ``implicit``, ``clear``."""
    ca_file: str
    output: IO[bytes]

    @property
    def port(self) -> int:
        return self.ports["starttls"]

    def next_message(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.output.readline())
        return message


@contextmanager
def running(program: list[str], home: Path, mechanisms: list[str]) -> Iterator[Server]:
    """Run ``program`` during the ``with``, with one user and these mechanisms."""
    authority = make_authority(home)
    pair = authority.issue("localhost", "127.0.0.1")
    settings = {
        "certificate": pair.certificate,
        "key": pair.key,
        "username": USERNAME,
        "password": PASSWORD,
        "token": TOKEN,
        "mechanisms": mechanisms,
    }
    with fork_server.Popen([*program, json.dumps(settings)], stdout=subprocess.PIPE) as process:
        assert process.stdout
        try:
            ports = json.loads(process.stdout.readline())["ports"]
            yield Server(ports, authority.ca_file, process.stdout)
        finally:
            process.kill()
