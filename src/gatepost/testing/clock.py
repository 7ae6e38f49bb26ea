"""A clock that a test turns."""

from datetime import UTC, datetime, timedelta
from typing import Final

START: Final = datetime(2026, 11, 24, 10, 0, 0, tzinfo=UTC)


class FakeClock:
    """A ``Clock`` that stands still until it is told to go on.

    >>> clock = FakeClock()
    >>> clock.advance(90)
    >>> clock.now().isoformat()
    '2026-11-24T10:01:30+00:00'
    """

    def __init__(self, start: datetime = START) -> None:
        self._now = start.astimezone(UTC)
        self._monotonic = 0.0

    def now(self) -> datetime:
        """Return the time of day, UTC."""
        return self._now

    def monotonic(self) -> float:
        """Return seconds from some start on; never steps back."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass. Raises ValueError when they are negative."""
        if seconds < 0:
            raise ValueError("time does not run backwards; set_time makes the clock on the wall")
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds

    def set_time(self, moment: datetime) -> None:
        """Put the clock on the wall to ``moment``, as NTP or a person does; nothing else moves."""
        self._now = moment.astimezone(UTC)
