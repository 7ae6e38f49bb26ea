"""The whole directory in memory, indexed for logins and patched on change."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, TypeVar, cast

from gatepost.directory.azure.entries import (
    KINDS,
    CommunicationService,
    Domain,
    Entry,
    SmtpUsername,
)
from gatepost.model.credentials import Principal


class Grant(NamedTuple):
    """Which of the requested actions a principal may perform on a resource."""

    missing: tuple[str, ...]
    effective_from: datetime | None
    """When the last of the granted actions was granted; None if none was."""


class LinkedDomain(NamedTuple):
    """A domain that is linked to a resource, with its registered local parts."""

    entry: Domain
    usernames: frozenset[str]


Senders = Mapping[str, LinkedDomain]
"""Linked domains by the domain name in addresses, in lower case."""


@dataclass(frozen=True, slots=True)
class ClaimedIdentity:
    """The identity that a user name stands for."""

    service: CommunicationService
    application_id: str
    tenant_id: str
    smtp_username: SmtpUsername | None = None

    @property
    def name(self) -> str:
        """The user name in a normalised spelling."""
        if self.smtp_username is not None:
            return self.smtp_username.username
        return f"{self.service.name}.{self.application_id}.{self.tenant_id}"

    def proven_by(self, secret_id: str) -> Principal:
        """Return the principal; ``secret_id`` is the id of the client secret, empty for a token."""
        service = self.service
        return Principal(
            self.name, "", service.id, self.application_id, service.subscription_id, secret_id
        )


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
