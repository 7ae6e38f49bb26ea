"""Measures complete relays end to end: one that stores mail in SQLite, one in PostgreSQL, and two
that share the database."""

import secrets
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench.database import Database, running_database
from bench.load import Load
from bench.relaying import RelayLoad, RelayServer, running_relay
from bench.report import Promise, ratio
from bench.scenarios import Runs, Scenario, floors, measure
from bench.servers import OURS
from bench.sink import running_sink

NAME: Final = "nodes end to end, 4 KB, kept, TLS + AUTH"
SQLITE: Final = f"{OURS}, SQLite"
ONE: Final = f"{OURS}, PostgreSQL"
TWO: Final = f"{OURS}, PostgreSQL, 2 nodes"
FLOORS: Final = ((ONE, SQLITE, 0.5), (TWO, ONE, 1.0))
"""Whose rate is at least what fraction of whose."""
_STORAGE: Final = """\
kind = "postgres"
url = {{ file = "{url}" }}
schema = "{schema}"
[cluster]
node = "{node}"
"""


def measurements(home: Path, options: Namespace) -> Iterator[tuple[dict[str, Runs], list[Promise]]]:
    """Measure all of them in turn, unless ``--only`` excludes it."""
    if options.only not in NAME or options.peers_only:
        return
    print(f"{NAME} ...", file=sys.stderr)
    here = home / "nodes"
    here.mkdir(mode=0o755)
    with ExitStack() as stack:
        database = stack.enter_context(running_database(here))
        servers = [
            stack.enter_context(server)
            for server in (
                sqlite(here), cluster(here, ONE, database, 1), cluster(here, TWO, database, 2)
            )
        ]  # fmt: skip
        load = RelayLoad(Load(5000, per_connection=250, secure=True))
        scenario = Scenario(NAME, load.scaled(options.scale), floors())
        runs = measure(scenario, servers, options.rounds)
    yield (
        runs,
        [
            Promise(
                f"{ours} by {peer}, end to end", ratio(runs[ours], runs[peer]), floor, "x", True
            )
            for ours, peer, floor in FLOORS
        ],
    )


@contextmanager
def sqlite(home: Path) -> Iterator[RelayServer]:
    """Yield a relay with mail in its directory."""
    here = home / "sqlite"
    here.mkdir()
    with running_sink(here) as sink, running_relay(here, sink.port) as (pid, port):
        yield RelayServer(SQLITE, pid, port, "user", "secret", "a@example.com", sink)


@contextmanager
def cluster(home: Path, name: str, database: Database, nodes: int) -> Iterator[RelayServer]:
    """Yield nodes with a schema of their own."""
    here, schema = home / f"nodes-{nodes}", f"nodes_{nodes}"
    here.mkdir()
    write_private(here / "url", database.url.encode())
    key = secrets.token_bytes(32)  # the same for all nodes
    with ExitStack() as stack:
        sink = stack.enter_context(running_sink(here))
        running: list[RelayServer] = []
        for number in range(nodes):
            node = here / f"node-{number}"
            (node / "data").mkdir(0o700, parents=True)
            write_private(node / "data/key", key)
            storage = _STORAGE.format(url=here / "url", schema=schema, node=node.name)
            relay = running_relay(node, sink.port, storage=storage)
            pid, port = stack.enter_context(relay)
            running.append(RelayServer(name, pid, port, "user", "secret", "a@example.com", sink))
        first, *others = running
        yield replace(first, others=tuple(others), database=database.pid)


def write_private(file: Path, content: bytes) -> None:
    """Write a file that only we may read."""
    file.touch(0o600)
    file.write_bytes(content)
