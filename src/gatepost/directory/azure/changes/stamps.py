"""Authors and times of changes: ``systemData`` of the entries."""

from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from gatepost.directory.azure.changes.outcome import Changes
from gatepost.directory.azure.entries import AuditStamp, Entry
from gatepost.directory.azure.snapshot import Snapshot

E = TypeVar("E", bound=Entry)


def stamped(snapshot: Snapshot, changes: Changes[E], now: datetime, by: str = "") -> Changes[E]:
    """Return the changes with a stamp on each new or changed entry.

    ``by``: the application that made the request; empty for the command line.
    """

    def stamp(entry: Entry) -> Entry:
        if not isinstance(getattr(entry, "stamp", None), AuditStamp):
            return entry
        old = snapshot.get(type(entry), entry.id)
        if old is not None and entry == old:
            return old
        old_stamp: AuditStamp = getattr(old, "stamp", None) or AuditStamp(now, by)
        new = replace(old_stamp, modified_at=now, modified_by=by)
        return replace(entry, stamp=new)  # type: ignore[call-arg]  # it has one

    put = tuple(stamp(each) for each in changes.put)
    meant = changes.entry
    for before, after in zip(changes.put, put, strict=True):
        if before is meant and isinstance(after, type(meant)):
            meant = after
    return Changes(put, changes.delete, meant)
