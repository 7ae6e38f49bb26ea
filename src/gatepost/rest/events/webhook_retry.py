"""When a report that a webhook did not acknowledge is sent again, and when that ends.

Source: Microsoft Learn, "Event Grid message delivery and retry": schedule, codes that are not
retried, minimum waits, and the limits of the retry policy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

DELIVERED: Final = frozenset({200, 201, 202, 203, 204})
"""HTTP codes that acknowledge; any other, also a redirection, is a failure."""
NEVER_AGAIN: Final[Mapping[int, str]] = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    413: "PayloadTooLarge",
}
"""Codes that are not retried, and the reasons for dead-lettering."""
LEAST_WAIT: Final[Mapping[int, float]] = {404: 300.0, 408: 120.0, 503: 30.0}
"""Minimum number of seconds to wait after these codes."""

ATTEMPTS_EXCEEDED: Final = "MaxDeliveryAttemptsExceeded"
TIME_EXCEEDED: Final = "TimeToLiveExceeded"


@dataclass(frozen=True, slots=True)
class Backoff:
    """The schedule of a relay, and the limits of a subscription."""

    steps: tuple[float, ...] = (10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0)
    """Seconds after the first attempt, the second, ...; the last step repeats."""
    jitter: float = 0.1
    """Maximum part of a step that is added to it at random."""
    attempts: int = 30
    time_to_live: timedelta = timedelta(minutes=1440)


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed attempt: an HTTP code, or 0 without an answer."""

    status: int
    at: datetime


def again(
    backoff: Backoff, failure: Failure, attempts: int, published_at: datetime, chance: float
) -> datetime | str:
    """Return when to send again, or why not (Event Grid's ``deadLetterReason``).

    ``attempts`` includes the failed one; ``chance`` in [0, 1) spreads the attempts.
    """
    if failure.status in NEVER_AGAIN:
        return NEVER_AGAIN[failure.status]
    if attempts >= backoff.attempts:
        return ATTEMPTS_EXCEEDED
    step = backoff.steps[min(attempts, len(backoff.steps)) - 1]
    least = min(LEAST_WAIT.get(failure.status, 0.0), backoff.steps[-1])
    wait = max(step, least) * (1 + backoff.jitter * chance)
    at = failure.at + timedelta(seconds=wait)
    return TIME_EXCEEDED if at >= published_at + backoff.time_to_live else at
