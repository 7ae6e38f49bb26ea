"""The servers that are measured, each in its own directory."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from compliance.postfix import running_postfix
from gatepost.testing import Emulator

OURS = "gatepost"
TWO_WORKERS = "gatepost, 2 workers"


@dataclass(frozen=True, slots=True)
class Server:
    """The address of a server, a user, and the processes to measure."""

    name: str
    pid: int
    port: int
    username: str
    password: str
    sender: str


@contextmanager
def postfix(home: Path) -> Iterator[Server]:
    """Yield a Postfix with its default durability; every message is held, so deliveries take no
    time."""
    with running_postfix(home) as server:
        yield Server(
            "postfix", server.pid, server.port, server.username, server.password, "a@example.com"
        )


@contextmanager
def aiosmtpd() -> Iterator[Server]:
    """Yield an aiosmtpd that stores nothing: the maximum for a Python server on asyncio streams."""
    program = Path(__file__).with_name("aiosmtpd_sink.py")
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE) as process:
        assert process.stdout
        try:
            port = int(process.stdout.readline())
            yield Server("aiosmtpd", process.pid, port, "", "", "a@example.com")
        finally:
            process.kill()


@contextmanager
def gatepost(home: Path, profile: str, workers: int = 1) -> Iterator[Server]:
    """Yield the complete relay, including policy, log and directory; durable."""
    with Emulator(profile, workers=workers if workers > 1 else 0, data=home) as relay:
        yield server_of(relay, workers)


def server_of(relay: Emulator, workers: int = 1) -> Server:
    """Return the address and a user of one of our relays."""
    return Server(
        OURS if workers == 1 else TWO_WORKERS,
        relay.pid,
        relay.smtp.port,
        relay.username,
        relay.password,
        relay.sender,
    )
