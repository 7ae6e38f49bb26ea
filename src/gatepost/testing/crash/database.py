"""The database of the relays that are killed: a primary and a synchronous standby, which change
places."""

import asyncio
import random
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from gatepost.testing.postgres_server import PostgresServer

Blow = Literal["database killed", "database stopped", "database frozen", "database failed over"]
BLOWS: Final[dict[Blow, int]] = {
    "database killed": 3,
    "database stopped": 2,
    "database frozen": 2,
    "database failed over": 3,
}
"""What happens to it, with its weight."""
FROZEN: Final = (0.2, 3.0)
"""Seconds for which it is frozen."""
NAMES: Final = ("north", "south")
SETTINGS: Final = f"""
max_connections = 100
shared_buffers = 64MB
synchronous_standby_names = 'ANY 1 ({", ".join(NAMES)})'
"""


class CrashDatabase:
    """Two servers in a temporary directory. Raises NoPostgres."""

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="gatepost-crash-pg-"))
        self._home.chmod(0o755)  # the servers may belong to another user
        self._primary, self._standby = [
            PostgresServer(self._home / each, SETTINGS) for each in NAMES
        ]

    @property
    def url(self) -> str:
        """How to connect to whichever takes writes."""
        hosts = ",".join([str(self._home / each) for each in NAMES])
        return f"host={hosts} user=postgres dbname=postgres connect_timeout=2"

    async def start(self) -> None:
        """Create and start both."""
        await asyncio.to_thread(self._start)

    async def strike(self, chance: random.Random) -> Blow:
        """Let something happen to it; return when it works again, and what it was."""
        [blow] = chance.choices(list(BLOWS), list(BLOWS.values()))
        primary = self._primary
        restarts: dict[Blow, Callable[[], None]] = {
            "database killed": primary.kill,
            "database stopped": lambda: primary.shut_down(
                chance.choice((signal.SIGINT, signal.SIGQUIT))
            ),
        }
        if blow in restarts:
            await asyncio.to_thread(restarts[blow])
            await asyncio.to_thread(primary.start)
        elif blow == "database frozen":
            with primary.frozen():
                await asyncio.sleep(chance.uniform(*FROZEN))
        else:
            await asyncio.to_thread(self._fail_over)
        await asyncio.to_thread(self._primary.commit)
        return blow

    def stop(self) -> None:
        """End both, and delete them."""
        self._primary.stop()
        self._standby.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def _start(self) -> None:
        self._primary.create()
        self._primary.start()
        self._make_standby()

    def _fail_over(self) -> None:
        self._primary.kill()
        self._standby.promote()
        self._primary, self._standby = self._standby, self._primary
        self._make_standby()

    def _make_standby(self) -> None:
        self._standby.copy(self._primary, self._standby.directory.name)
        self._standby.start()
