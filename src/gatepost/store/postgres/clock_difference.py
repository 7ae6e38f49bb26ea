"""Whether this machine and the database agree what time it is.

Nodes lease what is due, and give up what has expired, by the clocks of their machines: one that is
days ahead would return mail to its senders.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

MOST: Final = 60.0
"""Seconds by which the clocks may differ until that is reported."""


class ClockDifference:
    """Reports a difference once, until it is gone. ``now`` returns the time here, as microseconds
    since 1970."""

    def __init__(
        self, now: Callable[[], int], report: Callable[[str, Mapping[str, Any]], None]
    ) -> None:
        self._now, self._report = now, report
        self._is_reported = False

    def check(self, there: float) -> None:
        """Compare with the time of the database, which was there a moment ago, in seconds."""
        difference = self._now() / 1_000_000 - there
        was_reported, self._is_reported = self._is_reported, abs(difference) > MOST
        if self._is_reported and not was_reported:
            self._report("clock_differs", {"seconds": round(difference)})
