"""The load on a server and its result: the Python side of the load generators."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, Self

from bench.process import busy_seconds, cpu_seconds
from bench.servers import Server

SMTPLOAD = Path(__file__).with_name("smtpload") / "smtpload"
PATIENCE = 300.0
GROUPS = "X25519"
"""The group of the TLS key exchange. By default, OpenSSL 3.5 adds ML-KEM if the server accepts
it, which Debian's Postfix does not: one of the two would do more work than the other."""


class Work(Protocol):
    """What a server does while it is measured."""

    def scaled(self, scale: float) -> Self:
        """Return the same with fewer or more repetitions."""

    def run(self, server: Server) -> "Outcome":
        """Run it. Raises LoadFailed if anything was refused."""


@dataclass(frozen=True, slots=True)
class Load:
    """`messages` of `size` octets over `connections` at the same time."""

    messages: int
    per_connection: int = 1
    connections: int = 20
    size: int = 4096
    secure: bool = False
    """STARTTLS and AUTH."""
    pipelined: bool = False
    mechanism: str = "login"
    only_sign_in: bool = False
    """`messages` is a number of logins without mail, each on its own connection."""

    def scaled(self, scale: float) -> "Load":
        """Return the same load with fewer or more messages."""
        return replace(self, messages=max(self.connections, round(self.messages * scale)))

    def run(self, server: Server) -> "Outcome":
        """See ``run``."""
        return run(server, self)

    def arguments(self) -> list[str]:
        numbers = {
            "-m": self.messages,
            "-n": self.per_connection,
            "-s": self.connections,
            "-l": self.size,
        }
        flags = [word for pair in numbers.items() for word in map(str, pair)]
        flags += ["-T", "-g", GROUPS, "-A", self.mechanism] * self.secure
        return flags + ["-P"] * self.pipelined + ["-L"] * self.only_sign_in


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run. Rates per second, latencies in milliseconds, CPU in microseconds per message."""

    rate: float
    p50: float
    p99: float
    worst: float
    stalls: int
    """Waits for a reply of 35 ms and more: Nagle's algorithm together with a delayed ACK costs
    40."""
    setup_p50: float
    server_cpu: float
    foreign_cpu: float
    """Processor cores that were used by neither server nor generator."""
    database_cpu: float = 0.0
    """Of ``server_cpu``: that of PostgreSQL."""


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
    """Send `load` to `server`. Raises LoadFailed if a message was not accepted."""
    return outcome_of(
        server,
        command(server, *load.arguments()),
        environment(server),
        latency="setup_ms" if load.only_sign_in else "message_ms",
    )


def outcome_of(
    server: Server,
    generator: Sequence[str],
    environment: Mapping[str, str],
    octets: bytes = b"",
    latency: str = "message_ms",
) -> Outcome:
    """Run a generator with `octets` as its input. Raises LoadFailed if it reports a failure.

    `latency`: the figure that is the time of one repetition.
    """
    cpu, busy = cpu_seconds(server.pid), busy_seconds()
    done = subprocess.run(
        generator,
        env=environment,
        input=octets,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode:
        raise LoadFailed(f"{server.name}: {(done.stderr + done.stdout).decode().strip()}")
    seen: dict[str, Any] = json.loads(done.stdout)
    cpu, busy = cpu_seconds(server.pid) - cpu, busy_seconds() - busy
    return Outcome(
        rate=seen["rate"],
        p50=seen[latency]["p50"],
        p99=seen[latency]["p99"],
        worst=seen[latency]["max"],
        stalls=seen["stalls"],
        setup_p50=seen["setup_ms"]["p50"],
        server_cpu=cpu / seen["messages"] * 1e6,
        foreign_cpu=max(0.0, busy - cpu - seen["client_cpu_seconds"]) / seen["seconds"],
    )


@contextmanager
def idle_connections(server: Server, count: int) -> Iterator[int]:
    """Hold `count` signed-in TLS connections open; yield how many are open."""
    arguments = ("-T", "-A", "login", "-s", str(count), "-H", "60", "-i", "20")
    with subprocess.Popen(
        command(server, *arguments), env=environment(server), stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        try:
            yield json.loads(process.stdout.readline())["ready"]
        finally:
            process.kill()
