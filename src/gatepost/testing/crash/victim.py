"""The relay under test: its configuration, its processes, and how they are killed."""

import asyncio
import json
import os
import secrets
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from gatepost.certificates.local_ca import ensure_certificates
from gatepost.net.listen import listen
from gatepost.testing.crash.senders import SENDER_DOMAIN, SenderAccount
from gatepost.testing.linux_processes import children_of, environment_of, processes
from gatepost.testing.upstream import Mischief

CONNECTIONS: Final = 4
"""Connections of the relay to each upstream."""
STOP: Final = 12.0
"""Seconds for a clean stop; it needs at most 10."""
START: Final = 60.0
_MAIN: Final = "from gatepost.cli.main import main; main()"
_BEGINS: Final = '{"time":'
"""An event."""
_MARK: Final = "GATEPOST_CRASH_RUN"
"""The variable of the environment by which we know our processes; it has the working directory."""
_AGAIN: Final = 0.1
"""Seconds until a relay that did not start is started again (systemd's RestartSec)."""

_HEAD = """\
hostname = "crash.test"
workers = {workers}

[[listener]]
name = "submission"
address = "127.0.0.1:{port}"
tls = "starttls"
certificate = "{certificate}"

[[directory.account]]
name = "application"
password = {{ file = "{password}" }}
senders = ["{senders}"]

[limits]
connections_per_address = 1000

[storage]
directory = "{storage}"
{more_storage}

[retry.soon]
table = ["1s"]
jitter = 0.5
expire = "1h"
warn = "never"

[retry.hopeless]
table = ["1s"]
expire = "4s"

[[route]]
recipients = ["{hopeless}"]
to = "hub-0"
retry = "hopeless"
"""
_HUB = """
[target.hub-{number}]
kind = "smarthost"
servers = ["127.0.0.1:{port}"]
tls = "none"
connections = {connections}

[[route]]
name = "hub-{number}"
recipients = [{recipients}]
to = "hub-{number}"
retry = "soon"
"""
_CLUSTER = """\
[cluster]
node = "{name}"
beat = "2s"
dead_after = "8s"
"""


class NotServed(RuntimeError):
    """The relay did not start or stop as it should; the text contains its last output."""


def hub_domain(number: int) -> str:
    """Return the recipients' domain of an upstream."""
    return f"hub-{number}.test"


@dataclass(slots=True)
class Victim:
    """A relay with a directory of its own, whose processes may be killed."""

    home: Path
    upstreams: Sequence[int]
    """Ports."""
    workers: int
    database: str = ""
    """How to connect to the database with the mail; empty: it is in a directory."""
    name: str = "node-1"
    """Of the node in the database."""
    account: SenderAccount = field(init=False)
    starts: int = 0
    outages: list[float] = field(default_factory=list)
    """Seconds from a kill until the relay served again."""
    _process: Process | None = None
    _down_since: float | None = None
    _groups: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Write the configuration; certificate and password are those of all relays in ``home``."""
        certificates = ensure_certificates(self.home, datetime.now(UTC))
        secret = self.home / "password"
        if not secret.exists():
            _write_private(secret, secrets.token_urlsafe(24).encode())
        free = listen("127.0.0.1", 0)
        port = free.port
        free.close()  # every start has to take the same one
        self.account = SenderAccount(
            (f"127.0.0.1:{port}",), str(certificates.ca_file), "application", secret.read_text()
        )
        text = _HEAD.format(
            workers=self.workers,
            port=port,
            certificate=certificates.server_file,
            password=secret,
            senders=SENDER_DOMAIN,
            storage=self.data,
            more_storage=self._more_storage(),
            hopeless=Mischief().hopeless,
        )
        for number, port in enumerate(self.upstreams):
            domains = [hub_domain(number), *([SENDER_DOMAIN] if number == 0 else [])]
            text += _HUB.format(
                number=number,
                port=port,
                connections=CONNECTIONS,
                recipients=", ".join(f'"{each}"' for each in domains),
            )
        self.config.write_text(text)

    def _more_storage(self) -> str:
        if not self.database:
            return 'free_space = "64 MiB"'
        url, key = self.home / "database", self.home / "key"
        if not key.exists():  # the same for all nodes
            _write_private(key, secrets.token_bytes(32))
        _write_private(url, self.database.encode())
        self.data.mkdir(0o700, parents=True)
        _write_private(self.data / "key", key.read_bytes())
        return f'kind = "postgres"\nurl = {{ file = "{url}" }}\n{_CLUSTER.format(name=self.name)}'

    @property
    def config(self) -> Path:
        return self._place("gatepost.toml")

    @property
    def data(self) -> Path:
        return self._place("data")

    @property
    def output(self) -> Path:
        """The output of all its starts."""
        return self._place("events.jsonl")

    def _place(self, name: str) -> Path:
        """Return where something of this relay is; only nodes share a home with others."""
        if not self.database:
            return self.home / name
        (self.home / self.name).mkdir(exist_ok=True)
        return self.home / self.name / name

    async def start(self) -> None:
        """Start a process; it may not be up yet."""
        self.starts += 1
        with self.output.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", _MAIN, "serve", "--config", str(self.config), "--json",
                stdin=DEVNULL, stdout=output, stderr=STDOUT, start_new_session=True,
                env={**os.environ, _MARK: str(self.home)},
            )  # fmt: skip
        self._groups.add(self._process.pid)

    async def wait_ready(self) -> None:
        """Return when it serves; start it again, as an init system would, if it ended instead.

        Raises NotServed.
        """
        deadline = time.monotonic() + START
        while not self._is_ready():
            if time.monotonic() > deadline:
                raise NotServed(f"the relay did not come up:\n{self.last_words()}")
            if self._process is None or self._process.returncode is not None:
                await asyncio.sleep(_AGAIN)
                await self.start()
            await asyncio.sleep(0.01)
        if self._down_since is not None:
            self.outages.append(time.monotonic() - self._down_since)
            self._down_since = None

    def _is_ready(self) -> bool:
        try:
            ready = json.loads((self.data / "ready.json").read_text("utf-8"))
        except (OSError, ValueError):
            return False
        return self._process is not None and bool(ready["pid"] == self._process.pid)

    def fronts(self) -> list[int]:
        """Return the front processes that run now."""
        return children_of(self._process.pid) if self._process is not None else []

    async def kill(self, *, alone: bool) -> None:
        """SIGKILL the store process ``alone``, or with its child processes."""
        assert self._process is not None  # noqa: S101 - it was started
        self._down_since = self._down_since or time.monotonic()
        with suppress(ProcessLookupError):
            if alone:
                os.kill(self._process.pid, signal.SIGKILL)
            else:
                os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop its processes meanwhile, as a machine that is suspended."""
        group = self._process.pid if self._process is not None else 0
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGSTOP)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGCONT)

    async def stop(self) -> None:
        """Stop it as an init system does. Raises NotServed if it does not end properly."""
        assert self._process is not None  # noqa: S101 - it was started
        self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP):
                status = await self._process.wait()
        except TimeoutError:
            raise NotServed(f"the relay did not stop:\n{self.last_words()}") from None
        if status:
            raise NotServed(f"the relay stopped with status {status}:\n{self.last_words()}")

    def left_behind(self) -> list[int]:
        """Return the relay's processes that still run; others may have got the numbers of old
        ones."""
        return [
            pid
            for pid, (_, group) in processes().items()
            if group in self._groups and environment_of(pid).get(_MARK) == str(self.home)
        ]

    def clean_up(self) -> None:
        """Kill its processes that still run."""
        for pid in self.left_behind():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)

    def events(self) -> Counter[str]:
        """Return how often each event was reported."""
        return Counter(each["event"] for each in self._lines() if "event" in each)

    def reported(self, event: str) -> list[str]:
        """Return the events of a name, as text."""
        return [json.dumps(each) for each in self._lines() if each.get("event") == event]

    def _lines(self) -> list[dict[str, Any]]:
        lines = self.output.read_text("utf-8", "replace").splitlines()
        whole = [each for each in lines if each.startswith("{") and each.endswith("}")]
        # A kill may cut a line off; then the next start's first one is behind it.
        return [json.loads(each[max(0, each.rfind(_BEGINS)) :]) for each in whole]

    def last_words(self) -> str:
        """Return the end of its output."""
        return self.output.read_text("utf-8", "replace")[-3_000:]


def _write_private(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    file.chmod(0o600)
