"""The result of a change: entries to write and delete, or a refusal."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

from gatepost.directory.azure.entries import AuditStamp, Entry
from gatepost.directory.azure.snapshot import Snapshot

E_co = TypeVar("E_co", bound=Entry, covariant=True)


@dataclass(frozen=True, slots=True)
class Changes(Generic[E_co]):
    """What to save in one commit."""

    put: tuple[Entry, ...]
    delete: tuple[Entry, ...]
    entry: E_co
    """The entry that the change is about: as it is now, or as it was before it was deleted."""


class Rejected(Exception):
    """The directory does not permit the change.

    ``code`` is the provider's code (``ResourceNotFound``), ``status`` its HTTP status, the message
    a sentence for people without secrets.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status

    @property
    def message(self) -> str:
        """The sentence."""
        return str(self)


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
