"""A circuit breaker: after failures nothing is attempted for a while, then once, then freely."""

from dataclasses import dataclass
from typing import Final, Literal

from gatepost.queue.retry_schedule import Random

BreakerState = Literal["closed", "open", "half-open"]

_AN_INSTANT: Final = 1e-6
TRIAL: Final = 1200.0
"""Seconds after which a trial without a result is forgotten: longer than any timeout of RFC 5321.
"""


@dataclass(frozen=True, slots=True)
class BreakerTimes:
    """How soon a breaker opens and for how long. Seconds."""

    threshold: int = 3
    """Consecutive failures that open it."""
    first: float = 30.0
    factor: float = 2.0
    longest: float = 1800.0
    jitter: float = 0.2


HOST: Final = BreakerTimes()
"""For a server that is unreachable, or does not work well."""
RATE: Final = BreakerTimes(threshold=1, first=60.0, factor=3.0, longest=3600.0)
"""For too much mail. Azure's 450 4.5.127 was observed for about an hour after heavy overuse, and
mail that is sent meanwhile counts. So the whole credential pauses, up to an hour at a time."""
SIGN_IN: Final = BreakerTimes(threshold=1, first=900.0, factor=2.0, longest=3600.0)
"""For a refused login: repeated attempts would lock the account."""


class Breaker:
    """The breaker of a host, next hop or credential. Times are seconds of a monotonic clock.

    Ask ``wait``, call ``begin`` if it permits, then ``record_success`` or ``record_failure``.
    """

    __slots__ = (
        "_failures",
        "_is_firm",
        "_level",
        "_opened_for",
        "_times",
        "_trial",
        "_until",
        "reason",
    )  # fmt: skip

    def __init__(self, patience: BreakerTimes = HOST, *, unproven: bool = False) -> None:
        """``unproven``: nothing is known yet, so one attempt is permitted as a trial."""
        self._times = patience
        self._failures = 0
        self._level = 0
        self._until = float("-inf")
        self._opened_for = 0.0
        self._is_firm = False
        """Only time closes it."""
        self._trial: float | None = None
        self.reason = ""
        """Why it opened; kept until it closes."""
        if unproven:
            self._level, self._opened_for = -1, _AN_INSTANT

    def state(self, now: float) -> BreakerState:
        """Return its state: ``half-open`` permits one attempt as a trial."""
        if self._opened_for == 0:
            return "closed"
        return "open" if now < self._until else "half-open"

    def wait(self, now: float) -> float:
        """Return the seconds until an attempt is permitted; 0: now."""
        if self._opened_for == 0:
            return 0.0
        if now < self._until:
            return self._until - now
        if self._trial is None:
            return 0.0
        return max(0.0, self._trial + TRIAL - now)

    def begin(self, now: float) -> None:
        """Note that an attempt begins; the only one, while it is half-open."""
        if self._opened_for and now >= self._until:
            self._trial = now

    def abandon_trial(self) -> None:
        """Note that an attempt ended without a result."""
        self._trial = None

    def record_success(self, now: float, begun: float | None = None) -> BreakerState:
        """Close it after a success. A failure within the same time again counts as a relapse.

        A success that comes while it is open, of an attempt that had ``begun`` before, shows that
        the peer works, and closes it, too. Returns the state that this has ended, or "closed".
        """
        self._failures, self._trial = 0, None
        if not self._opened_for:
            return "closed"
        if now >= self._until:
            self._opened_for, self._until, self.reason = 0.0, now + self._opened_for, ""
            return "half-open"
        if begun is not None and not self._is_firm and begun <= self._until - self._opened_for:
            self._opened_for, self._until, self.reason = 0.0, now, ""
            return "open"
        return "closed"

    def record_failure(
        self,
        now: float,
        random: Random,
        reason: str,
        at_least: float = 0.0,
        *,
        is_firm: bool = False,
    ) -> None:
        """Count a failure, and open after enough of them; one is enough when half-open, or with an
        ``at_least`` in seconds. ``is_firm``: no success of an earlier attempt closes it."""
        self._trial = None
        self._failures += 1
        is_open = self.state(now) == "open"
        self._is_firm = is_firm or (is_open and self._is_firm)
        half_open = self.state(now) == "half-open"
        if at_least <= 0 and not half_open and self._failures < self._times.threshold:
            return
        if is_open and now + at_least <= self._until:
            return  # attempts that began before it opened tell nothing new
        if not is_open:
            relapsed = half_open or now < self._until
            self._level = self._level + 1 if relapsed else 0
        self._open(now, random, reason, at_least)

    def pause(self, now: float, seconds: float, reason: str) -> None:
        """Open for as long as the peer asked, without backoff."""
        self._trial, self._is_firm = None, True
        if self.state(now) != "open" or now + seconds > self._until:
            self._opened_for, self._failures = max(1.0, seconds), 0
            self._until, self.reason = now + self._opened_for, reason

    def _open(self, now: float, random: Random, reason: str, at_least: float) -> None:
        patience = self._times
        grown = patience.first * patience.factor ** min(self._level, 64)
        length = min(patience.longest, grown)
        length *= 1 + patience.jitter * (2 * random() - 1)
        self._opened_for = max(1.0, at_least, min(length, patience.longest))
        self._until, self.reason = now + self._opened_for, reason
        self._failures = 0
