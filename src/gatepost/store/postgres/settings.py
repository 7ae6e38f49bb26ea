"""The settings of a store, such as the number of its connections."""

from collections.abc import Callable
from dataclasses import dataclass, field

from gatepost.store.postgres.segments import SIZE
from gatepost.store.retention_limits import History, Retention


@dataclass(frozen=True, slots=True)
class PostgresSettings:
    """Settings of a store. Sizes in octets, times in seconds."""

    url: Callable[[], str]
    """Returns the connection string, each time that a connection is made: its password may have
    been rotated."""
    schema: str = "gatepost"
    """The schema of the tables."""
    node: str = ""
    """The name by which an owner recognises itself after a restart; empty: that of the file
    ``node`` in the data directory."""
    retention: Retention = field(default_factory=Retention)
    history: History = field(default_factory=History)
    writers: int = 2
    """Connections that insert new mail; three more write other things. More than two help if a
    round trip takes more than a millisecond."""
    readers: int = 2
    """Connections that read; one more searches."""
    segment: int = SIZE
    """Octets after which the table of contents is full."""
    upkeep: float = 10.0
    """Seconds between two rounds of retention."""
