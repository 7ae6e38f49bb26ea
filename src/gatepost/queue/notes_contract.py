"""What a store keeps about feedback. ``tests/contract/test_notes.py`` is the specification."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Protocol

from gatepost.model.note import Note

MOST: Final = 500_000
"""Notes that are kept, except those that stay for ever; of more the oldest are deleted."""
EXPIRED: Final = 1_000
"""Notes of a kind that a store deletes in one commit."""


class NoteStore(Protocol):
    """The notes of a store. A settlement may write some in its commit."""

    async def find(self, scope: str, keys: Sequence[str]) -> str | None:
        """Return the value of the first key that has a note; None: none has."""

    async def list(self, scope: str, limit: int) -> Sequence[Note]:
        """Return up to ``limit`` notes of a scope, those first that were written first."""

    async def put(self, notes: Iterable[Note]) -> None:
        """Write notes, or replace those with the same keys, in one commit."""

    async def delete(self, scope: str, keys: Iterable[str]) -> None:
        """Delete the notes of a scope that have these keys."""

    async def expire(self, now: datetime, most: int = MOST) -> int:
        """Delete notes that have ended by ``now``, and the oldest of more than ``most``; return how
        many."""
