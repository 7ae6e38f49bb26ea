"""The rate of a next hop over all nodes, and the division of its connections among them.

Each node reserves the times of its next messages in the store, a few at a time. A reserved time is
valid for GRACE seconds, and they are so far apart that even if each message goes as late as it may,
no minute has more of them than the rate permits.
"""

from collections import deque
from math import inf
from typing import Final
from zlib import crc32

MINUTE: Final = 60.0
GRACE: Final = 1.0
"""Seconds for which a reserved time is valid."""
MARGIN: Final = 0.5
"""Seconds by which a minute is longer, because nothing is exactly on time."""
TOGETHER: Final = 1.0
"""The most seconds' worth of a rate that is reserved at once."""


class ReservedSlots:
    """The reserved times of one next hop, as seconds of a monotonic clock."""

    def __init__(self, rate: float) -> None:
        """``rate`` is in messages a minute."""
        self.rate = rate
        self.step = (MINUTE + GRACE + MARGIN) / max(rate, 1e-6)
        """Seconds between two times."""
        self._most = max(1, int(TOGETHER / self.step))
        self.wanted = 1
        """How many to reserve next: more if all are used, fewer if not."""
        self._times: deque[float] = deque()
        self._unused = 0
        self._doubt = 0.0

    def add(self, first: float, doubt: float) -> None:
        """Note that ``wanted`` times have been reserved. The first of them is ``first`` or up to
        ``doubt`` seconds later: nobody knows when in that time the store has answered. So each is
        used for what is certain of its GRACE, and not at all if the answer took longer."""
        self._times = deque([first + number * self.step for number in range(self.wanted)])
        self._doubt, self._unused = doubt, self.wanted

    def wait(self, now: float) -> float | None:
        """Return the seconds until the next message may be sent; None: none is reserved."""
        earliest = now - GRACE if self._doubt < GRACE else inf
        while self._times and self._times[0] < earliest:
            self._times.popleft()
        return max(0.0, self._times[0] + self._doubt - now) if self._times else None

    def take(self) -> None:
        """Use the next time, for which ``wait`` has returned 0."""
        self._times.popleft()
        self._unused -= 1

    def plan(self) -> None:
        """Decide how many to reserve next, when all are used or have passed."""
        used_all = not self._unused
        self.wanted = min(self._most, self.wanted * 2) if used_all else max(1, self.wanted // 2)


def share_of(number: int, key: str, rank: int, nodes: int) -> int:
    """Return how many of the connections to a next hop are ours.

    The shares of all nodes add up to ``number``; of a few connections, some nodes get none. Who
    gets one more depends on ``key``, so that it is not always the same.
    """
    if nodes <= 1:
        return number
    place = (rank + crc32(key.encode("utf-8", "surrogateescape"))) % nodes
    return number // nodes + (place < number % nodes)
