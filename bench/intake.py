"""Measures what it takes to store mail durably in PostgreSQL: by one node and by two, beside bare
inserts into the same database, and beside SQLite.

The stores run in processes of their own, without SMTP; ``relaying`` measures complete relays.
"""

import json
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bench.database import Database, running_database
from bench.intake_program import SIZE
from bench.load import LoadFailed, Outcome
from bench.process import busy_seconds, cpu_seconds
from bench.report import Promise, ratio
from bench.scenarios import Runs, Scenario, floors, measure
from bench.servers import Server

NAME: Final = f"stored, {SIZE // 1024} KB, 64 clients each"
BARE: Final = "bare inserts, groups of 64"
SQLITE: Final = "store in SQLite"
ONE: Final = "store in PostgreSQL"
TWO: Final = "store in PostgreSQL, 2 nodes"
FLOORS: Final = (
    (ONE, BARE, 0.35),
    (TWO, BARE, 0.45),
    (ONE, SQLITE, 0.5),
    (TWO, ONE, 1.0),
)
"""Whose rate is at least what fraction of whose."""


@dataclass(frozen=True, slots=True)
class IntakeServer(Server):
    """Processes that store messages; ``database`` is the process of the server, 0 without one."""

    programs: "tuple[subprocess.Popen[str], ...]"
    database: int = 0


@dataclass(frozen=True, slots=True)
class IntakeLoad:
    """Messages, divided among the processes; each of these has clients of its own."""

    messages: int
    clients: int = 64

    def scaled(self, scale: float) -> "IntakeLoad":
        """Return the same with fewer or more messages."""
        return replace(self, messages=max(self.clients, round(self.messages * scale)))

    def run(self, server: Server) -> Outcome:
        """Let the processes store the messages. Raises LoadFailed."""
        assert isinstance(server, IntakeServer)
        programs, number = server.programs, len(server.programs)
        pids = [each.pid for each in programs]
        cpu, busy = sum(map(cpu_seconds, pids)), busy_seconds()
        database = cpu_seconds(server.database) if server.database else 0.0
        begun = time.monotonic()
        for each in programs:
            assert each.stdin
            each.stdin.write(f"{self.messages // number} {self.clients}\n")
            each.stdin.flush()
        results = [_result(server.name, each) for each in programs]
        seconds, busy = time.monotonic() - begun, busy_seconds() - busy
        if server.database:
            database = cpu_seconds(server.database) - database
        cpu = sum(map(cpu_seconds, pids)) - cpu + database
        return Outcome(
            rate=self.messages / seconds,
            p50=max(each["p50"] for each in results),
            p99=max(each["p99"] for each in results),
            worst=max(each["worst"] for each in results),
            stalls=0,
            setup_p50=0.0,
            server_cpu=cpu / self.messages * 1e6,
            foreign_cpu=max(0.0, busy - cpu) / seconds,
            database_cpu=database / self.messages * 1e6,
        )


def measurements(home: Path, options: Namespace) -> Iterator[tuple[dict[str, Runs], list[Promise]]]:
    """Measure all of them in turn, unless ``--only`` excludes it."""
    if options.only not in NAME or options.peers_only:
        return
    print(f"{NAME} ...", file=sys.stderr)
    here = home / "intake"
    here.mkdir(mode=0o755)
    with ExitStack() as stack:
        database = stack.enter_context(running_database(here))
        servers = [
            stack.enter_context(server)
            for server in (
                running(here, ONE, "postgres", database),
                running(here, TWO, "postgres", database, 2),
                running(here, BARE, "bare", database),
                running(here, SQLITE, "sqlite"),
            )
        ]
        scenario = Scenario(NAME, IntakeLoad(20_000).scaled(options.scale), floors())
        runs = measure(scenario, servers, options.rounds)
    yield (
        runs,
        [
            Promise(f"{NAME}: {ours} by {peer}", ratio(runs[ours], runs[peer]), floor, "x", True)
            for ours, peer, floor in FLOORS
        ],
    )


@contextmanager
def running(
    home: Path, name: str, kind: str, database: Database | None = None, nodes: int = 1
) -> Iterator[Server]:
    """Run the processes during a ``with``."""
    programs: list[subprocess.Popen[str]] = []
    try:
        for number in range(nodes):
            node = f"{kind}-{nodes}-{number}"
            url = database.url if database else ""
            arguments = (kind, str(home / node), url, node)
            command = [sys.executable, "-m", "bench.intake_program", *arguments]
            programs.append(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            _line(programs[-1])
        pid = database.pid if database else 0
        yield IntakeServer(name, programs[0].pid, 0, "", "", "", tuple(programs), pid)
    finally:
        for each in programs:
            each.kill()
            each.communicate()


def _result(name: str, program: "subprocess.Popen[str]") -> dict[str, float]:
    try:
        result: dict[str, float] = json.loads(_line(program))
    except ValueError:
        raise LoadFailed(f"{name}: a process has ended") from None
    return result


def _line(program: "subprocess.Popen[str]") -> str:
    assert program.stdout
    return program.stdout.readline()
