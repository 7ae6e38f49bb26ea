"""How much a node does."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

MINUTE: Final = 60.0


class Activity:
    """Counts the messages that are accepted, and the deliveries that are settled. For any thread.

    ``clock`` returns seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._accepted = self._settled = 0
        self._marks = deque([(clock(), 0, 0)])
        """The numbers at earlier times, of the last minute and one before."""

    def count_accepted(self, number: int) -> None:
        """Count messages."""
        with self._lock:
            self._accepted += number

    def count_settled(self, number: int) -> None:
        """Count deliveries."""
        with self._lock:
            self._settled += number

    def per_minute(self) -> dict[str, float]:
        """Return the rates of the last minute; called every few seconds."""
        with self._lock:
            accepted, settled = self._accepted, self._settled
        now = self._clock()
        self._marks.append((now, accepted, settled))
        while len(self._marks) > 2 and self._marks[1][0] <= now - MINUTE:
            self._marks.popleft()
        begun, accepted_before, settled_before = self._marks[0]
        minutes = max(now - begun, 1.0) / MINUTE
        return {
            "accepted_per_minute": round((accepted - accepted_before) / minutes, 1),
            "settled_per_minute": round((settled - settled_before) / minutes, 1),
        }
