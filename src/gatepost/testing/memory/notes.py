"""Notes in memory. Nothing survives."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from gatepost.model.note import FOREVER, Note
from gatepost.queue.notes_contract import MOST


class MemoryNotes:
    """Implements ``NoteStore``."""

    def __init__(self) -> None:
        self._notes: dict[tuple[str, str], Note] = {}

    async def find(self, scope: str, keys: Sequence[str]) -> str | None:
        found = [self._notes[scope, key].value for key in keys if (scope, key) in self._notes]
        return found[0] if found else None

    async def list(self, scope: str, limit: int) -> Sequence[Note]:
        return [each for each in self._notes.values() if each.scope == scope][:limit]

    async def put(self, notes: Iterable[Note]) -> None:
        for each in notes:
            self._notes.pop((each.scope, each.key), None)
            self._notes[each.scope, each.key] = each

    async def delete(self, scope: str, keys: Iterable[str]) -> None:
        for key in keys:
            self._notes.pop((scope, key), None)

    async def expire(self, now: datetime, most: int = MOST) -> int:
        mortal = {key: each for key, each in self._notes.items() if each.until < FOREVER}
        surplus = len(mortal) - most
        gone = [
            key
            for number, (key, each) in enumerate(mortal.items())
            if each.until < now or number < surplus
        ]
        for key in gone:
            del self._notes[key]
        return len(gone)
