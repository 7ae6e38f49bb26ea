"""How long leases take: where a database cannot clean up, or plans badly, they are the first to
become slow."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

SLOW: Final = 0.1
"""Seconds: if more than one lease of a hundred takes longer, leases are slow."""
WINDOW: Final = 300.0
"""Seconds for which a lease counts."""
FEWEST: Final = 100
"""Of fewer leases nothing is concluded."""
MOST: Final = 5_000
"""Of more leases the last ones count."""


class LeaseTimes:
    """The durations of the last leases. For any thread; ``clock`` returns seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._times = deque[tuple[float, float]](maxlen=MOST)
        """When each ended, and how long it took."""

    def note(self, seconds: float) -> None:
        """Note a lease."""
        with self._lock:
            self._times.append((self._clock(), seconds))

    @property
    def p99(self) -> float | None:
        """The seconds that 99 of 100 leases took at most; None: there were too few."""
        with self._lock:
            since = self._clock() - WINDOW
            while self._times and self._times[0][0] < since:
                self._times.popleft()
            seconds = sorted(each for _, each in self._times)
        if len(seconds) < FEWEST:
            return None
        return seconds[len(seconds) * 99 // 100]

    @property
    def slowness(self) -> float:
        """``p99`` if leases are slow; otherwise 0."""
        p99 = self.p99 or 0.0
        return p99 if p99 > SLOW else 0.0


def describe_slowness(seconds: float) -> str:
    """Return what slow leases mean, in a sentence."""
    return (
        f"leases of mail take {seconds * 1000:.0f} ms: look for old snapshots, and for what else "
        "keeps the database busy"
    )
