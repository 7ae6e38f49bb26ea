"""When a delivery is attempted again, when its sender is notified, and when it expires."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Literal

from gatepost.model.fast_dataclass import dataclass
from gatepost.model.route import Retry

SHORTEST: Final = timedelta(seconds=1)
"""Minimum time between two attempts, whatever the configuration says."""
BACK: Final = timedelta(minutes=1)
"""A clock that was put back by less is not noticed; schedules vary more than that."""
_ENOUGH: Final = 64
"""Doublings after which every wait has reached the longest."""

Notice = Literal["warn", "expire"]
Random = Callable[[], float]
"""Returns numbers from 0 to 1."""


def wait_after(retry: Retry, attempts: int, random: Random) -> timedelta:
    """Return how long to wait after the ``attempts``-th attempt (1 is the first)."""
    number = max(attempts, 1)
    if retry.table:
        wait = retry.table[min(number, len(retry.table)) - 1]
    else:
        wait = min(retry.longest, _grown(retry, number - 1))
    return max(SHORTEST, wait * (1 + retry.jitter * (2 * random() - 1)))


def _grown(retry: Retry, times: int) -> timedelta:
    if times > _ENOUGH and retry.factor > 1:
        return retry.longest
    try:
        return retry.first * retry.factor**times
    except OverflowError:
        return retry.longest


@dataclass(frozen=True, slots=True)
class Times:
    """The schedule of one message, from its acceptance."""

    retry: Retry
    accepted_at: datetime

    @property
    def expires_at(self) -> datetime:
        """When it expires."""
        return self.accepted_at + self.retry.expire

    @property
    def warns_at(self) -> datetime | None:
        """When the sender is notified of the delay; None: not before it expires."""
        if self.retry.warn is None or self.retry.warn >= self.retry.expire:
            return None
        return self.accepted_at + self.retry.warn

    def notice_at(self, *, warned: bool) -> datetime:
        """When the sender must next be notified, if it is still waiting then."""
        warns_at = self.warns_at
        return self.expires_at if warned or warns_at is None else warns_at


def next_attempt(
    times: Times, now: datetime, attempts: int, random: Random, at_least: timedelta = timedelta(0)
) -> datetime | None:
    """Return when to try again after an attempt that ended ``now``; None: it has expired.

    ``at_least`` is what the peer asked for (Retry-After), or the rest of a circuit breaker's pause.
    The last attempt is made at the expiry, so that no failure is reported without one.
    """
    if now >= times.expires_at:
        return None
    wait = max(wait_after(times.retry, attempts, random), at_least)
    return min(now + wait, max(times.expires_at, now + SHORTEST))


def due_notice(expires_at: datetime, notice_at: datetime, now: datetime) -> Notice | None:
    """Return the notification that the sender of a waiting delivery must get now, if any."""
    if now >= expires_at:
        return "expire"
    return "warn" if now >= notice_at else None
