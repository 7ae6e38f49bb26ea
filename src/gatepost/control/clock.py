"""The time of a local relay: the machine's, or ahead of it, to test what happens later, such as the
end of a secret, of a suppression, of a rate window, or of a delay."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from gatepost.errors import ConfigError
from gatepost.model.rfc3339 import utc_text
from gatepost.net.atomic_files import write_file

FILE: Final = "clock"
"""In the data directory: the seconds by which the clock is ahead; missing if it is not."""
NO_CLOCK: Final = "only `gatepost up` has a clock that can be ahead of the machine's"
MOST: Final = timedelta(days=3650)


class AheadClock:
    """A ``net.clock.Clock`` of the data directory ``data``; it only moves forward."""

    def __init__(self, data: Path) -> None:
        self._file = data / FILE
        self.ahead = _read(self._file)
        self.followers: set[Callable[[timedelta], None]] = set()
        """Called after each advance, with the time by which the clock is ahead."""

    def now(self) -> datetime:
        """Return the time of day, UTC."""
        return datetime.now(UTC) + self.ahead

    def monotonic(self) -> float:
        """Return seconds since some start; never decreases."""
        return time.monotonic() + self.ahead.total_seconds()

    def advance(self, by: timedelta) -> None:
        """Move forward, also for later starts. Raises ValueError."""
        ahead = self.ahead + by
        if by < timedelta(0):
            raise ValueError("the clock can only be put forward")
        if ahead > MOST:
            raise ValueError(f"the clock can be at most {MOST.days} days ahead")
        write_file(self._file, f"{ahead.total_seconds()}\n".encode())
        self.ahead = ahead
        for follow in list(self.followers):
            follow(ahead)


class ClockControl:
    """The clock's operations for the command line.

    ``on_advance`` is awaited after each advance, before it is acknowledged.
    """

    def __init__(
        self,
        clock: AheadClock,
        on_advance: Callable[[timedelta], Awaitable[None]] | None = None,
    ) -> None:
        self.clock, self._on_advance = clock, on_advance

    async def operate(self, operation: str, fields: dict[str, Any]) -> dict[str, Any]:
        """``show``, or ``advance`` by ``seconds``. Raises ValueError."""
        if operation == "advance":
            self.clock.advance(_interval(fields["seconds"]))
            if self._on_advance is not None:
                await self._on_advance(self.clock.ahead)
        elif operation != "show":
            raise ValueError(f"unknown operation {operation[:40]}")
        now = utc_text(self.clock.now(), "seconds")
        return {"now": now, "ahead": self.clock.ahead.total_seconds()}


def _interval(seconds: float) -> timedelta:
    """Return an interval; one that no date can have is as invalid as one that is too long."""
    longest = 2 * MOST.total_seconds()
    return timedelta(seconds=max(-longest, min(seconds, longest)))


def _read(file: Path) -> timedelta:
    try:
        return timedelta(seconds=float(file.read_text("ascii")))
    except FileNotFoundError:
        return timedelta(0)
    except (ValueError, OverflowError) as error:
        raise ConfigError(f"{file} cannot be read: {error}; delete it") from None
