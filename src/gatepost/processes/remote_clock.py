"""The clock of the store process in a front process: both may be ahead of the machine's."""

import time
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from gatepost.processes.rpc import Calls, decode

AHEAD: Final = "clock_ahead"
"""The notification that the clock was advanced, with the seconds by which it is ahead; also the
call that asks."""


class RemoteClock:
    """Implements ``net.clock.Clock``."""

    def __init__(self, calls: Calls, ahead: float = 0.0) -> None:
        self._ahead = timedelta(seconds=ahead)
        calls.hears[AHEAD] = self._take

    @classmethod
    async def connect(cls, calls: Calls) -> "RemoteClock":
        """Ask how far the clock is ahead, and hear of changes from then on."""
        return cls(calls, await calls.call(float, AHEAD))

    def _take(self, raw: msgspec.Raw) -> None:
        self._ahead = timedelta(seconds=decode(raw, float))

    def now(self) -> datetime:
        """Return the time of day, UTC."""
        return datetime.now(UTC) + self._ahead

    def timestamp(self) -> float:
        """Return the time of day in seconds since 1970."""
        return time.time() + self._ahead.total_seconds()

    def monotonic(self) -> float:
        """Return seconds since some start; never decreases."""
        return time.monotonic() + self._ahead.total_seconds()
