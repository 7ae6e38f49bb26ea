"""How often: sliding windows of a minute and an hour for each subscription."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from gatepost.model.profile import StrictLimits
from gatepost.model.reply import Reply
from gatepost.wire.server.replies import Replies

MINUTE: Final = 60.0
HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Rate:
    """Messages allowed within any 60 and any 3,600 seconds; None for any number."""

    per_minute: int | None = None
    per_hour: int | None = None

    @property
    def bounds(self) -> tuple[tuple[int, float], ...]:
        """The limits that there are, each with its window in seconds."""
        pairs = ((self.per_minute, MINUTE), (self.per_hour, HOUR))
        return tuple((limit, window) for limit, window in pairs if limit is not None)


def rate_of(strict: StrictLimits, *, managed: bool) -> Rate:
    """Return the rate of a domain: the provider's own (``managed``) or the customer's."""
    if managed:
        return Rate(strict.managed_per_minute, strict.managed_per_hour)
    return Rate(strict.custom_per_minute, strict.custom_per_hour)


class RateWindows:
    """Remembers when each key sent, as far back and as often as its rate asks for.

    Attempts that are refused count as well: who goes on trying stays refused.
    """

    __slots__ = ("_times",)

    def __init__(self) -> None:
        self._times: dict[str, deque[float]] = {}

    def admit(self, key: str, rate: Rate, now: float, replies: Replies) -> Reply | None:
        """Count a message of ``key`` at ``now`` (seconds, never running backwards).

        Returns the refusal when there were as many as the rate allows before it.
        """
        longest = max((limit for limit, _ in rate.bounds), default=0)
        if not rate.bounds:
            return None
        times = self._times.get(key)
        if times is None or times.maxlen != longest:
            times = self._times[key] = deque(times or (), maxlen=longest)
        refusal = next(
            (
                replies.EXCESSIVE_RATE.because(
                    f"rate_limited: {limit} messages within {window:.0f} s are allowed"
                )
                for limit, window in rate.bounds
                if limit == 0 or (len(times) >= limit and now - times[-limit] < window)
            ),
            None,
        )
        times.append(now)
        return refusal
