"""When a delivery is attempted again, and how long."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Retry:
    """The times of the attempts at a delivery, for ``queue.retry_schedule``.

    RFC 5321 4.5.4.1 recommends 30 minutes between attempts and 4 to 5 days in total, and permits
    the first attempts to be closer together.
    """

    first: timedelta = timedelta(minutes=1)
    """The wait before the second attempt."""
    factor: float = 2.0
    """The factor by which each wait is longer than the previous one."""
    longest: timedelta = timedelta(hours=1)
    jitter: float = 0.2
    """The fraction by which each wait varies at random, up or down."""
    table: tuple[timedelta, ...] = ()
    """The waits one by one instead of ``first`` and ``factor``; the last one is repeated."""
    expire: timedelta = timedelta(days=5)
    """The time after acceptance at which the delivery fails, and the sender is notified."""
    warn: timedelta | None = timedelta(hours=4)
    """The time after acceptance at which the sender is notified of the delay, once; None: never."""
