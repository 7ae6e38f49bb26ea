"""What is sent at a server, and what came of it: the Python side of ``smtpload/``."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.process import busy_seconds, cpu_seconds
from bench.servers import Server

SMTPLOAD = Path(__file__).with_name("smtpload") / "smtpload"
PATIENCE = 300.0


@dataclass(frozen=True, slots=True)
class Load:
    """`messages` of `size` octets over `connections` at a time."""

    messages: int
    per_connection: int = 1
    connections: int = 20
    size: int = 4096
    secure: bool = False
    """STARTTLS and AUTH LOGIN."""
    pipelined: bool = False

    def scaled(self, scale: float) -> "Load":
        """The same load with fewer or more messages."""
        messages = max(self.connections, round(self.messages * scale))
        return Load(
            messages,
            self.per_connection,
            self.connections,
            self.size,
            self.secure,
            self.pipelined,
        )

    def arguments(self) -> list[str]:
        numbers = {
            "-m": self.messages,
            "-n": self.per_connection,
            "-s": self.connections,
            "-l": self.size,
        }
        flags = [word for pair in numbers.items() for word in map(str, pair)]
        return flags + ["-T", "-A", "login"] * self.secure + ["-P"] * self.pipelined


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run. Rates per second, latencies in milliseconds, CPU in microseconds per message."""

    rate: float
    p50: float
    p99: float
    worst: float
    stalls: int
    """Waits for a reply of 35 ms and more: Nagle's algorithm meeting a delayed ACK costs 40."""
    setup_p50: float
    server_cpu: float
    foreign_cpu: float
    """Cores that neither server nor generator used: other work on this machine."""


class LoadFailed(Exception):
    """The generator could not deliver everything."""


def command(server: Server, *arguments: str) -> list[str]:
    return [
        *(str(SMTPLOAD), "-p", str(server.port), "-u", server.username),
        *("-f", server.sender, *arguments),
    ]


def environment(server: Server) -> dict[str, str]:
    return os.environ | {"SMTPLOAD_PASSWORD": server.password}


def run(server: Server, load: Load) -> Outcome:
    """Send `load` at `server`. Raises LoadFailed when a message was not accepted."""
    cpu, busy = cpu_seconds(server.pid), busy_seconds()
    done = subprocess.run(
        command(server, *load.arguments()),
        env=environment(server),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode:
        raise LoadFailed(f"{server.name}: {done.stderr.strip()} {done.stdout.strip()}")
    seen: dict[str, Any] = json.loads(done.stdout)
    cpu, busy = cpu_seconds(server.pid) - cpu, busy_seconds() - busy
    return Outcome(
        rate=seen["rate"],
        p50=seen["message_ms"]["p50"],
        p99=seen["message_ms"]["p99"],
        worst=seen["message_ms"]["max"],
        stalls=seen["stalls"],
        setup_p50=seen["setup_ms"]["p50"],
        server_cpu=cpu / seen["messages"] * 1e6,
        foreign_cpu=max(0.0, busy - cpu - seen["client_cpu_seconds"]) / seen["seconds"],
    )


@contextmanager
def idle_connections(server: Server, count: int) -> Iterator[int]:
    """Hold `count` signed-in TLS connections open; how many really stand."""
    arguments = ("-T", "-A", "login", "-s", str(count), "-H", "60", "-i", "20")
    with subprocess.Popen(
        command(server, *arguments), env=environment(server), stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        try:
            yield json.loads(process.stdout.readline())["ready"]
        finally:
            process.kill()
