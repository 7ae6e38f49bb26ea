"""A clock that tests control."""

from datetime import UTC, datetime, timedelta
from typing import Final

START: Final = datetime(2026, 11, 24, 10, 0, 0, tzinfo=UTC)


class FakeClock:
    """A ``Clock`` that stands still until a test advances it.

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
        """Return seconds since some start; never decreases."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass. Raises ValueError if they are negative."""
        if seconds < 0:
            raise ValueError("time cannot go back; set_time sets the wall clock")
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds

    def set_time(self, moment: datetime) -> None:
        """Set the wall clock to ``moment``, as NTP or a person does; the monotonic clock does not
        change."""
        self._now = moment.astimezone(UTC)
