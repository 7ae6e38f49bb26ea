"""What a rule counts, for each key and in all, within bounds."""

from collections import deque
from hashlib import blake2b
from typing import Final

MAX_KEYS: Final = 10_000
"""Keys that a rule counts for; the oldest is forgotten."""
MAX_TIMES: Final = 100_000
"""Times that the quota of a rule remembers, over all keys; the oldest key is forgotten."""
_PARTS: Final = 1_000
"""Events of a quota are counted together if they are less than this part of the window apart."""


def chance_of(seed: int, key: str, seen: int, what: str = "") -> float:
    """Return a number from 0 up to 1, the same whenever the arguments are.

    So what a rule does by chance does not depend on what else happens. ``what`` is for another
    number of the same event.
    """
    text = f"{seed}\0{key}\0{seen}\0{what}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest()[:7]) / 2**56


class KeyCount:
    """What is counted for one key."""

    __slots__ = ("fired", "first_at", "passed", "seen")

    def __init__(self) -> None:
        self.seen = 0
        self.fired = 0
        self.first_at: float | None = None
        """When a greylist saw the key first."""
        self.passed: deque[list[float]] | None = None
        """Time and amount of what a quota let pass."""


class Counters:
    """The counts of a rule by key."""

    __slots__ = ("_times", "fired", "first_at", "keys", "last_at", "last_session", "seen")

    def __init__(self) -> None:
        self.keys: dict[str, KeyCount] = {}
        self._times = 0
        self.seen = 0
        self.fired = 0
        self.first_at: float | None = None
        self.last_at: float | None = None
        self.last_session = ""

    def count_of(self, key: str) -> KeyCount:
        """Return what is counted for a key, which becomes the newest."""
        count = self.keys.pop(key, None)
        if count is None:
            count = KeyCount()
            if len(self.keys) >= MAX_KEYS:
                self._forget_oldest()
        self.keys[key] = count
        return count

    def _forget_oldest(self) -> None:
        oldest = self.keys.pop(next(iter(self.keys)))
        self._times -= len(oldest.passed or ())

    def wait_of_greylist(self, key: str, wait: float, now: float) -> float:
        """Return the seconds for which a key is still refused; 0 if it is not."""
        count = self.count_of(key)
        if count.first_at is None:
            count.first_at = now
        return max(0.0, count.first_at + wait - now)

    def wait_of_quota(self, key: str, limit: int, window: float, now: float, amount: int) -> float:
        """Count ``amount`` for a key if it fits into the sliding window, and return 0; otherwise
        the seconds until it would."""
        count = self.count_of(key)
        passed = count.passed = count.passed if count.passed is not None else deque()
        while passed and passed[0][0] + window <= now:
            passed.popleft()
            self._times -= 1
        used = sum(each[1] for each in passed)
        if used + amount > limit:
            return _wait_for(passed, used + amount - limit, window, now)
        if passed and now - passed[-1][0] < window / _PARTS:
            passed[-1][1] += amount
            return 0.0
        passed.append([now, amount])
        self._times += 1
        while self._times > MAX_TIMES and len(self.keys) > 1:
            self._forget_oldest()
        return 0.0


def _wait_for(passed: "deque[list[float]]", excess: float, window: float, now: float) -> float:
    """Return the seconds until ``excess`` has left the window; all of it if it never fits."""
    for time, amount in passed:
        excess -= amount
        if excess <= 0:
            return time + window - now
    return window
