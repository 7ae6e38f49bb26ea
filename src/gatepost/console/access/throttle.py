"""How many wrong credentials an address may present."""

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

PERMITTED: Final = 10
"""Failures of one address per WINDOW."""
WINDOW: Final = 60.0
_MOST_ADDRESSES: Final = 10_000


class FailureThrottle:
    """Counts failures by address in a sliding window; forgets the oldest addresses."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def pause(self, address: str) -> float:
        """Return the seconds until the address may present credentials; 0: now."""
        times = self._failures.get(address)
        if times is None or len(times) < PERMITTED:
            return 0.0
        return max(0.0, times[0] + WINDOW - self._seconds())

    def fail(self, address: str) -> None:
        """Count a failure."""
        times = self._failures.setdefault(address, deque(maxlen=PERMITTED))
        times.append(self._seconds())
        self._failures.move_to_end(address)
        while len(self._failures) > _MOST_ADDRESSES:
            self._failures.popitem(last=False)

    def forgive(self, address: str) -> None:
        """Forget the failures of an address that has signed in."""
        self._failures.pop(address, None)
