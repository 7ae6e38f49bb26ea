"""A short pause of new logins, while connections that have signed in go on.

It is for failures that say little about the secret: it was not sent, or the same login had been
accepted lately. The next login is tried soon, by one connection, and later each time it fails.
"""

from collections.abc import Sequence
from typing import Final

from gatepost.queue.retry_schedule import Random

DOUBTED: Final = (2.0, 10.0)
"""Seconds after refusals of a secret that had been accepted lately. A further one pauses the
credential for long: three failures in a row lock no account that one of them would not."""
WITHOUT_SECRET: Final = (2.0, 5.0, 15.0, 60.0, 300.0)
"""Seconds after logins at which no secret was sent; the last one repeats."""
LATELY: Final = 86_400.0
"""Seconds for which an accepted login speaks for the secret."""
BUSY: Final = 1.0
"""Seconds until the next look while one login is being tried."""
JITTER: Final = 0.1


class LoginPause:
    """When the next login may be tried. Times are seconds of a monotonic clock.

    ``hop`` is the key of the target that an attempt is for, ``in_use`` the number of its current
    attempts. Ask ``wait``, call ``try_login`` if it permits and ``end_login`` in the end. Report
    with ``record_failure`` and ``record_success``.
    """

    __slots__ = (
        "_connections",
        "_failed_at",
        "_is_trying",
        "_steps",
        "_until",
        "advice",
        "failures",
        "finding",
        "reason",
    )  # fmt: skip

    def __init__(self, steps: Sequence[float]) -> None:
        """``steps`` are the seconds after the first failure, the second, ..."""
        self._steps = steps
        self._until = self._failed_at = float("-inf")
        self._is_trying = False
        self._connections: dict[str, int] = {}
        """By hop: the number of connections that were signed in, or signing in, at the failure."""
        self.failures = 0
        """Consecutive ones; those of simultaneous attempts count once."""
        self.reason = ""
        """What failed last."""
        self.finding, self.advice = "", ""
        """What the doctor said, if the failure was reported."""

    def has_steps_left(self, begun: float) -> bool:
        """Tell whether a failure of an attempt that had ``begun`` then is within the steps."""
        return self.failures < len(self._steps) or begun <= self._failed_at

    def wait(self, now: float, hop: str = "", in_use: int = 0) -> float:
        """Return the seconds until an attempt is permitted; 0: now."""
        if not self._needs_login(hop, in_use):
            return 0.0
        return max(BUSY if self._is_trying else 0.0, self.seconds_left(now))

    def seconds_left(self, now: float) -> float:
        """Return the seconds until the next login; 0 if logins do not pause."""
        return max(0.0, self._until - now) if self.failures else 0.0

    def has_connections(self, hop: str) -> bool:
        """Tell whether connections that have signed in go on."""
        return self._connections.get(hop, 0) > 0

    def try_login(self, hop: str, in_use: int) -> bool:
        """Note that an attempt begins; tell whether it tries the login, alone."""
        if not self._needs_login(hop, in_use):
            return False
        self._is_trying = True
        return True

    def _needs_login(self, hop: str, in_use: int) -> bool:
        return self.failures > 0 and in_use >= self._connections.get(hop, 0)

    def end_login(self) -> None:
        """Note that the attempt that tried the login has ended."""
        self._is_trying = False

    def record_failure(self, now: float, begun: float, random: Random, reason: str) -> None:
        """Note a failed login of an attempt that had ``begun`` then."""
        self.reason = reason
        if begun <= self._failed_at:  # it was in progress when another one failed
            return
        if not self.failures:
            self._connections.clear()
        self.failures += 1
        step = self._steps[min(self.failures, len(self._steps)) - 1]
        self._failed_at = now
        self._until = now + step * (1 + JITTER * (2 * random() - 1))

    def keep(self, hop: str, connections: int) -> None:
        """Note how many connections to a hop go on."""
        self._connections[hop] = connections

    def record_success(self, begun: float) -> None:
        """Note an accepted login of an attempt that had ``begun`` then: if after the last failure,
        the pause ends."""
        if begun > self._failed_at:
            self.failures, self.reason, self.finding, self.advice = 0, "", "", ""
            self._connections.clear()
