"""Rates: sliding windows of a minute, an hour and a day for each subscription."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gatepost.model.profile import StrictLimits
from gatepost.model.reply import Reply
from gatepost.wire.server.replies import Replies

MINUTE: Final = 60.0
HOUR: Final = 3600.0
DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Rate:
    """Messages allowed within any minute, hour and day; None: no limit."""

    per_minute: int | None = None
    per_hour: int | None = None
    per_day: int | None = None
    count_refused: bool = True
    """Refused attempts count, too: a client that continues stays refused."""

    @property
    def bounds(self) -> tuple[tuple[int, float], ...]:
        """The existing limits, each with its window in seconds."""
        pairs = ((self.per_minute, MINUTE), (self.per_hour, HOUR), (self.per_day, DAY))
        return tuple((limit, window) for limit, window in pairs if limit is not None)


def rate_of(strict: StrictLimits, *, managed: bool) -> Rate:
    """Return the rate of a domain: the provider's own (``managed``) or the customer's."""
    if managed:
        limits = strict.managed_per_minute, strict.managed_per_hour, strict.managed_per_day
    else:
        limits = strict.custom_per_minute, strict.custom_per_hour, strict.custom_per_day
    return Rate(*limits, count_refused=strict.count_refused)


class RateWindows:
    """The times of the messages of each key, as many as its rate needs."""

    __slots__ = ("_times",)

    def __init__(self) -> None:
        self._times: dict[str, deque[float]] = {}

    def admit(self, key: str, rate: Rate, now: float, replies: Replies) -> Reply | None:
        """Count a message of ``key`` at ``now`` (seconds of a monotonic clock).

        Returns the refusal if the limit of the rate was reached before.
        """
        if not rate.bounds:
            return None
        times = self._times_of(key, rate)
        full = next((bound for bound in rate.bounds if _wait(times, *bound, now) > 0), None)
        if full is None or rate.count_refused:
            times.append(now)
        if full is None:
            return None
        limit, window = full
        return replies.EXCESSIVE_RATE.because(
            f"rate_limited: {limit} messages within {window:.0f} s are allowed"
        )

    def wait(self, key: str, rate: Rate, now: float) -> float:
        """Return the seconds until ``admit`` would accept a message, if no other came first."""
        times = self._times_of(key, rate) if rate.bounds else ()
        return max((_wait(times, *bound, now) for bound in rate.bounds), default=0.0)

    def _times_of(self, key: str, rate: Rate) -> deque[float]:
        longest = max(limit for limit, _ in rate.bounds)
        times = self._times.get(key)
        if times is None or times.maxlen != longest:
            times = self._times[key] = deque(times or (), maxlen=longest)
        return times


def _wait(times: Sequence[float], limit: int, window: float, now: float) -> float:
    """Return the seconds until fewer than ``limit`` of ``times`` lie within the window."""
    if limit == 0:
        return window
    return times[-limit] + window - now if len(times) >= limit else 0.0
