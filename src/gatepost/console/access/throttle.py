"""How many wrong credentials an address may present."""

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

from gatepost.policy.networks import counted_as

PERMITTED: Final = 10
"""Failures of one address per WINDOW."""
WINDOW: Final = 60.0
_MOST_ADDRESSES: Final = 10_000


class FailureThrottle:
    """Counts failures by address in a sliding window; forgets the oldest addresses.

    A success forgives none: whoever has a password could otherwise guess another one's for ever. An
    IPv6 address stands for its /64.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def pause(self, address: str) -> float:
        """Return the seconds until the address may present credentials; 0: now."""
        times = self._failures.get(counted_as(address))
        if times is None or len(times) < PERMITTED:
            return 0.0
        return max(0.0, times[0] + WINDOW - self._seconds())

    def fail(self, address: str) -> None:
        """Count a failure."""
        address = counted_as(address)
        times = self._failures.setdefault(address, deque(maxlen=PERMITTED))
        times.append(self._seconds())
        self._failures.move_to_end(address)
        while len(self._failures) > _MOST_ADDRESSES:
            self._failures.popitem(last=False)
