"""The plug point Directory: who may sign in, and with which senders."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar, runtime_checkable

from gatepost.model.address import Address
from gatepost.model.credentials import Credentials, Principal, Standing
from gatepost.model.reply import Reply
from gatepost.model.value_or_future import Later
from gatepost.sasl.interview import Verifier

__all__ = ["CacheableDirectory", "Directory", "Later", "Record", "Records", "Standing"]


class Directory(Protocol):
    """Identities (applications or accounts), and the senders that each may use."""

    @property
    def mechanisms(self) -> frozenset[str]:
        """SASL mechanisms that this directory can verify; listeners offer no others."""

    def identify(self, credentials: Credentials, mechanism: str) -> "Later[Principal | Reply]":
        """Check credentials; return the principal, or a refusal.

        The ``reason`` of a refusal is for the operator: a slug, a colon and a sentence
        (``secret_expired: ...``), without anything that the client sent. Its code and text are
        generic; the profile replaces them. All refusals take the same time.
        """

    def verifier(self, username: str, mechanism: str) -> "Later[Verifier]":
        """Return the verifier of a user name, for mechanisms that do not send the password.

        For a name that may not sign in, it is a decoy with the reason in ``refusal`` and, for
        SCRAM, a fake salt that is always the same for this name.
        """

    def standing(self, principal: Principal, sender: Address) -> "Later[Standing]":
        """Tell whether the principal may use this sender now."""


@runtime_checkable
class CacheableDirectory(Directory, Protocol):
    """A directory whose answers other processes may cache.

    The second part of an answer is the time until which it is valid, in seconds since 1970, unless
    the directory changes earlier; 0: it must not be cached.
    """

    def identify_for_cache(
        self, credentials: Credentials, mechanism: str
    ) -> "Later[tuple[Principal | Reply, float]]":
        """Return the result of ``identify``, and the time until which it is valid."""

    def standing_for_cache(
        self, principal: Principal, sender: Address
    ) -> "Later[tuple[Standing, float]]":
        """Return the result of ``standing``, and the time until which it is valid."""

    def follow(self, forget: Callable[[], Awaitable[None]]) -> None:
        """Await ``forget`` after each change, before the change is acknowledged.

        Adding the same function again has no effect.
        """


OF_MESSAGE: Final = "message"
"""The kind of records that are deleted with the captured message whose id they have."""


@dataclass(frozen=True, slots=True)
class Record:
    """One directory object in the store: its kind, its id, and its fields (JSON types)."""

    kind: str
    id: str
    fields: dict[str, Any]
    remains: dict[str, str] = field(default_factory=dict)
    """Texts that can still be read in a damaged one, whose ``fields`` are empty."""

    def damage(self, reason: str) -> str:
        """Say what is wrong with one that does not hold what it must, as ``reason`` has it."""
        return reason if self.fields else "it cannot be read"


class Records(Protocol):
    """Persistent storage of a directory's objects; every store implements it.

    Records of the kind OF_MESSAGE are deleted with their messages.
    """

    async def load_records(self) -> Sequence[Record]:
        """Return all objects."""

    async def save_records(
        self, put: Iterable[Record], delete: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Write and delete objects, the latter by (kind, id), in one commit.

        Returns when the change would survive a power cut.
        """


T = TypeVar("T")


def not_cached(answer: Later[T]) -> Later[tuple[T, float]]:
    """Return an answer as one that must not be cached (see ``CacheableDirectory``)."""
    if isinstance(answer, Awaitable):
        return _not_cached(answer)
    return answer, 0.0


async def _not_cached(answer: Awaitable[T]) -> tuple[T, float]:
    return await answer, 0.0


def identify_for_cache(
    directory: Directory, credentials: Credentials, mechanism: str
) -> Later[tuple[Principal | Reply, float]]:
    """Identify at any directory; return the verdict and the time until which it is valid."""
    if isinstance(directory, CacheableDirectory):
        return directory.identify_for_cache(credentials, mechanism)
    return not_cached(directory.identify(credentials, mechanism))


def standing_for_cache(
    directory: Directory, principal: Principal, sender: Address
) -> Later[tuple[Standing, float]]:
    """Ask any directory for a standing, and the time until which it is valid."""
    if isinstance(directory, CacheableDirectory):
        return directory.standing_for_cache(principal, sender)
    return not_cached(directory.standing(principal, sender))
