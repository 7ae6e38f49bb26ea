"""How much is kept, and how much of the disk is left alone."""

from dataclasses import dataclass, field
from datetime import timedelta

from gatepost.store.sqlite.disk import Disk
from gatepost.store.sqlite.segments import SEGMENT_SIZE

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Retention:
    """How much captured mail is kept; beyond any of these the oldest goes."""

    age: timedelta = timedelta(days=30)
    messages: int = 100_000
    octets: int = 10_000 * MIB


@dataclass(frozen=True, slots=True)
class History:
    """How long it is remembered what became of delivered mail; its body is not kept."""

    age: timedelta = timedelta(days=7)
    messages: int = 100_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything about a store that an operator may want otherwise. Octets and seconds."""

    retention: Retention = Retention()
    history: History = History()
    inline: int = 6 * 1024
    """The largest body that goes into the database; larger ones go into segments.

    Measured: up to here it saves a sync, from here on it costs more to write a body twice.
    """
    segment: int = SEGMENT_SIZE
    watermark: int = 64 * MIB
    """Free space under which nothing is accepted."""
    reserve: int = 16 * MIB
    """Taken from the disk beforehand, so that deletion can go on when it is full: more than a log
    holds (``commit.CHECKPOINT_PAGES``) that the database has yet to take up."""
    upkeep: float = 10.0
    """Between two rounds of retention."""
    quick: float = 0.02
    """While a sync takes no longer on average, an event loop writes its own rows, and only the
    sync is another thread's; 0: never.

    Measured: two threads that work at once cost as much for passing the interpreter's lock to and
    fro as the rows do. From a slow disk a loop should not even have to read a page.
    """
    looked_through: int = 32 * MIB
    """The largest database that is looked through for damage when it is opened. Of a larger one
    damage is met on the way: then the relay stops, and the next start mends it."""
    shared_mount: bool = False
    """Take a directory that another machine may share, on the operator's word."""
    disk: Disk = field(default_factory=Disk)
