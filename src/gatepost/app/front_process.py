"""What every front process does: it asks the store process, and goes when it is told to."""

import asyncio
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gatepost.app.hurry import SOCKET
from gatepost.app.remote_directory import RemoteDirectory
from gatepost.app.remote_store import RemoteStore
from gatepost.app.rpc import Calls
from gatepost.app.runtime import DRAIN
from gatepost.app.workers import READY
from gatepost.errors import Disconnected
from gatepost.relay.supervise import Supervisor

RETIRE: Final = 3600.0
"""Seconds that sessions of a front process get that another has taken the place of."""


@dataclass(frozen=True, slots=True)
class FrontProcess:
    """The connection to the store process, and those who know behind it."""

    calls: Calls
    store: RemoteStore
    directory: RemoteDirectory

    @classmethod
    async def connect(cls, data: Path) -> "FrontProcess":
        """Connect. Raises ConnectError."""
        calls = await Calls.connect(data / SOCKET)
        return cls(calls, RemoteStore(calls), await RemoteDirectory.connect(calls))

    def report(self, event: str, **facts: Any) -> None:
        """Tell the operator, who listens to the store process."""
        try:
            self.calls.tell_soon("report", event, facts)
        except Disconnected:
            return  # we stop in a moment

    async def serve(self, supervisor: Supervisor) -> None:
        """Say that we accept; serve until SIGTERM, SIGHUP, or the end of the store process.

        SIGTERM drains. SIGHUP says that another process has our place: we accept no more, and
        go when the last session has ended by itself.
        """
        loop = asyncio.get_running_loop()
        stop, retire = asyncio.Event(), asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        loop.add_signal_handler(signal.SIGHUP, retire.set)
        loop.add_signal_handler(signal.SIGINT, lambda: None)  # the terminal's; the parent tells us
        sys.stdout.buffer.write(READY)
        sys.stdout.buffer.flush()
        lost, stopped, retired = (
            asyncio.ensure_future(each.wait()) for each in (self.calls.lost, stop, retire)
        )
        await asyncio.wait([lost, stopped, retired], return_when=asyncio.FIRST_COMPLETED)
        if retire.is_set():
            leaving = asyncio.ensure_future(supervisor.retire())
            await asyncio.wait(
                [lost, stopped, leaving], timeout=RETIRE, return_when=asyncio.FIRST_COMPLETED
            )
            leaving.cancel()
        await supervisor.drain(DRAIN)
        for each in (lost, stopped, retired):
            each.cancel()
        self.calls.close()
