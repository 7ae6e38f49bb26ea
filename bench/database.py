"""A PostgreSQL server of the benchmark's own, on the disk that the stores are on."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gatepost.testing.postgres_server import PostgresServer

_SETTINGS: Final = """
shared_buffers = 1GB
max_wal_size = 8GB
checkpoint_timeout = 15min
"""
"""Durable, as by default. Checkpoints are rare, so that none falls into one run and not into the
next."""


@dataclass(frozen=True, slots=True)
class Database:
    """A running server."""

    url: str
    pid: int


@contextmanager
def running_database(home: Path) -> Iterator[Database]:
    """Run one during a ``with``. Its socket needs a short path, so it is beside ``home``."""
    place = Path(tempfile.mkdtemp(prefix="gatepost-pg-", dir=home.parent))
    place.chmod(0o755)
    server = PostgresServer(place, _SETTINGS)
    try:
        server.create()
        yield Database(server.url, server.start())
    finally:
        server.stop()
