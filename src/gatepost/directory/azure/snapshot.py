"""The whole directory in memory, indexed for logins and patched on change."""

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar, cast

from gatepost.directory.azure.derived import ClaimedIdentity, Grant, Senders
from gatepost.directory.azure.entries import KINDS, Entry, SmtpUsername

E = TypeVar("E", bound=Entry)


class Snapshot:
    """Entries by kind and id, and by kind and ``found_by``; both in constant time.

    ``grants``, ``senders``, ``allowed`` and ``smtp_usernames`` cache what was derived from the
    entries until the next change, which increases ``version``.
    """

    __slots__ = (
        "_by_id",
        "_by_lookup",
        "allowed",
        "grants",
        "senders",
        "smtp_usernames",
        "version",
    )

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._by_id: Final[dict[type[Entry], dict[str, Entry]]] = {kind: {} for kind in KINDS}
        self._by_lookup: Final[dict[type[Entry], dict[str, dict[str, Entry]]]] = {
            kind: {} for kind in KINDS
        }
        self.grants: Final[dict[tuple[str, str, tuple[str, ...]], Grant]] = {}
        self.senders: Final[dict[str, Senders]] = {}
        self.allowed: Final[dict[str, ClaimedIdentity]] = {}
        self.smtp_usernames: Final[dict[tuple[str, str, str], list[SmtpUsername]]] = {}
        self.version = 0
        self.apply(entries)

    def get(self, kind: type[E], id: str) -> E | None:
        """Return the entry with this id, or None."""
        return cast("E | None", self._by_id[kind].get(id.lower()))

    def find(self, kind: type[E], found_by: str) -> tuple[E, ...]:
        """Return the entries with this ``found_by``, in the order of their creation."""
        return tuple(
            cast("Mapping[str, E]", self._by_lookup[kind].get(found_by.lower(), {})).values()
        )

    def all(self, kind: type[E]) -> tuple[E, ...]:
        """Return every entry of a kind."""
        return tuple(cast("Mapping[str, E]", self._by_id[kind]).values())

    def apply(self, put: Iterable[Entry], delete: Iterable[Entry] = ()) -> None:
        """Add entries, replacing those with the same id, and remove others."""
        for entry in delete:
            self._forget(entry)
        for entry in put:
            self._forget(entry)
            self._by_id[type(entry)][entry.key] = entry
            if found_by := entry.found_by:
                self._by_lookup[type(entry)].setdefault(found_by, {})[entry.key] = entry
        self.grants.clear()
        self.senders.clear()
        self.allowed.clear()
        self.smtp_usernames.clear()
        self.version += 1

    def _forget(self, entry: Entry) -> None:
        old = self._by_id[type(entry)].pop(entry.key, None)
        if old is None or not old.found_by:
            return
        lookup = self._by_lookup[type(entry)]
        del lookup[old.found_by][old.key]
        if not lookup[old.found_by]:
            del lookup[old.found_by]
