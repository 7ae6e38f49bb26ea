"""When a delivery is tried again, and for how long."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Retry:
    """A schedule of attempts; ``queue.schedule`` works with it.

    RFC 5321 4.5.4.1 asks for 30 minutes between attempts and 4 to 5 days in all, and lets
    the first ones come sooner.
    """

    first: timedelta = timedelta(minutes=1)
    """Until the second attempt."""
    factor: float = 2.0
    """By which each wait is longer than the one before."""
    longest: timedelta = timedelta(hours=1)
    jitter: float = 0.2
    """The part of each wait that chance may take from it or add to it."""
    table: tuple[timedelta, ...] = ()
    """Waits one by one instead; the last one is repeated. ``first`` and ``factor`` go unused."""
    expire: timedelta = timedelta(days=5)
    """After acceptance, when the sender is told that it failed."""
    warn: timedelta | None = timedelta(hours=4)
    """After acceptance, when the sender is told once that it waits; None: never."""
