"""Who may sign in, and who may send what: the plug point."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from gatepost.model.address import Address
from gatepost.model.credentials import Credentials, Principal
from gatepost.model.later import Later
from gatepost.model.reply import Reply
from gatepost.model.sender_standing import Standing
from gatepost.sasl.interview import Verifier

__all__ = ["Directory", "KeepableDirectory", "Later", "Record", "Records", "Standing"]


class Directory(Protocol):
    """Applications, accounts and what they may do."""

    @property
    def mechanisms(self) -> frozenset[str]:
        """Mechanisms whose claims it can verify; a listener offers no other."""

    def identify(self, credentials: Credentials, mechanism: str) -> "Later[Principal | Reply]":
        """Prove the credentials.

        A refusal is a ``Reply`` whose ``reason`` starts with a slug, then a colon and a
        sentence for the operator (``secret_expired: ...``), and never shows what the client
        sent; its code and text are generic, the profile has its own. Takes the same time
        whichever check fails.
        """

    def verifier(self, username: str, mechanism: str) -> "Later[Verifier]":
        """Return the verifier of a name.

        Of a name that may not sign in a decoy, with the reason in its ``refusal`` and, for
        SCRAM, a fake salt that stays the same.
        """

    def standing(self, principal: Principal, sender: Address) -> "Later[Standing]":
        """Tell whether the principal may use this sender now."""


@runtime_checkable
class KeepableDirectory(Directory, Protocol):
    """A directory whose answers another process may keep, for it tells when they hold no more.

    The second part of an answer says until when it holds, in seconds since 1970, unless the
    directory changes before; 0: it must be asked for again.
    """

    def identify_kept(
        self, credentials: Credentials, mechanism: str
    ) -> "Later[tuple[Principal | Reply, float]]":
        """Return what ``identify`` does, and how long it holds."""

    def standing_kept(
        self, principal: Principal, sender: Address
    ) -> "Later[tuple[Standing, float]]":
        """Return what ``standing`` does, and how long it holds."""

    def follow(self, forget: Callable[[], Awaitable[None]]) -> None:
        """Await ``forget`` after each change, before who made it hears that it is done.

        Who follows a second time is told once.
        """


@dataclass(frozen=True, slots=True)
class Record:
    """One directory object as the store keeps it: its kind, its id and its fields (JSON)."""

    kind: str
    id: str
    fields: dict[str, Any]


class Records(Protocol):
    """Where a directory keeps its objects; every store implements it."""

    async def load_records(self) -> Sequence[Record]:
        """Return every object."""

    async def save_records(
        self, put: Iterable[Record], delete: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Write and delete (kind, id) in one commit; return when it would survive a power cut."""
