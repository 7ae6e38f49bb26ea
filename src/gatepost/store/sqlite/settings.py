"""The settings of a store, such as the free space that it requires."""

from dataclasses import dataclass, field

from gatepost.model.units import MIB
from gatepost.store.retention_limits import History, Retention
from gatepost.store.sqlite.durable_calls import Disk
from gatepost.store.sqlite.segments import SEGMENT_SIZE


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Settings of a store. Sizes in octets, times in seconds."""

    retention: Retention = field(default_factory=Retention)
    history: History = field(default_factory=History)
    inline: int = 6 * 1024
    """The largest body that goes into the database; larger ones go into segments.

    Measured: up to here it saves a sync, from here on it costs more to write a body twice.
    """
    segment: int = SEGMENT_SIZE
    watermark: int = 64 * MIB
    """Free space below which no mail is accepted."""
    reserve: int = 16 * MIB
    """Reserved on the disk, so that deletions work when it is full: more than a log
    (``transaction.CHECKPOINT_PAGES``) that is not yet in the database."""
    upkeep: float = 10.0
    """Seconds between two rounds of retention."""
    quick: float = 0.02
    """While a sync takes no longer on average, an event loop writes its own rows, and only the sync
    is in another thread; 0: never.

    Measured: with two working threads, passing the interpreter's lock costs as much as the rows do.
    With a slow disk, a loop should not even read a page.
    """
    looked_through: int = 32 * MIB
    """The largest database that is checked for damage when it is opened. In a larger one damage is
    found later: then the relay stops, and the next start repairs it."""
    shared_mount: bool = False
    """Use a directory that another machine may share, because the operator says so."""
    disk: Disk = field(default_factory=Disk)
