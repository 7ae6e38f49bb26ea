"""The settings of a store, such as the number of its connections."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from gatepost.store.postgres.segments import SIZE
from gatepost.store.retention_limits import History, Retention


def boot_time() -> float:
    """Return the seconds since the machine was started, also those for which it slept."""
    clock: int | None = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def wall_time() -> int:
    """Return the time as microseconds since 1970."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class PostgresSettings:
    """Settings of a store. Sizes in octets, times in seconds."""

    url: Callable[[], str]
    """Returns the connection string, each time that a connection is made: its password may have
    been rotated."""
    schema: str = "gatepost"
    """The schema of the tables."""
    node: str = ""
    """The name of this relay among those that share the database; empty: that of the machine."""
    is_visitor: bool = False
    """It is opened by a command: a relay with this name that lives elsewhere keeps its place."""
    retention: Retention = field(default_factory=Retention)
    history: History = field(default_factory=History)
    writers: int = 2
    """Connections that insert new mail; four more write other things, and one vacuums. More than
    two help if a round trip takes more than a millisecond."""
    readers: int = 2
    """Connections that read; one more searches."""
    segment: int = SIZE
    """Octets after which the table of contents is full."""
    upkeep: float = 10.0
    """Seconds between two rounds of retention."""
    beat: float = 5.0
    """Seconds between two beats; 0: whoever opened the store calls ``beat``."""
    dead_after: float = 15.0
    """Seconds without a beat after which others take a node for dead."""
    clock: Callable[[], float] = boot_time
    """A clock in seconds that goes on while the machine sleeps, to judge beats."""
    now: Callable[[], int] = wall_time
    """The time as microseconds since 1970, at which mail of other nodes becomes due."""

    @property
    def connections(self) -> int:
        """How many a store opens."""
        return self.writers + self.readers + 6
