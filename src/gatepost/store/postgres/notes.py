"""Notes about feedback in PostgreSQL."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from gatepost.model.note import FOREVER, Note
from gatepost.queue.notes_contract import EXPIRED, MOST
from gatepost.store.postgres.arrays import numbers, texts
from gatepost.store.postgres.changes import DatabaseChanges
from gatepost.store.postgres.connections import Connection
from gatepost.store.postgres.readers import Readers
from gatepost.store.postgres.statements import SQL
from gatepost.store.stored_values import legible, microseconds, read_time


class PostgresNotes:
    """Implements ``queue.notes_contract.NoteStore``; see ``PostgresReports``."""

    def __init__(self, change: DatabaseChanges, read: Readers) -> None:
        self._change, self._read = change, read

    async def find(self, scope: str, keys: Sequence[str]) -> str | None:
        wanted = [legible(each) for each in keys]
        values = (legible(scope), texts(wanted))
        rows: dict[str, str] = dict(
            await self._read(lambda each: each.execute(SQL["find_notes"], values).fetchall())
        )
        return next((rows[each] for each in wanted if each in rows), None)

    async def list(self, scope: str, limit: int) -> Sequence[Note]:
        values = (legible(scope), limit)
        rows = await self._read(lambda each: each.execute(SQL["list_notes"], values).fetchall())
        return [Note(scope, key, value, read_time(until)) for key, value, until in rows]

    async def put(self, notes: Iterable[Note]) -> None:
        await self._change(put_notes, tuple(notes))

    async def delete(self, scope: str, keys: Iterable[str]) -> None:
        await self._change(_delete_notes, legible(scope), [legible(each) for each in keys])

    async def expire(self, now: datetime, most: int = MOST) -> int:
        deleted = 0
        while some := await self._change(expire_notes, microseconds(now), most):
            deleted += some
        return deleted


def put_notes(connection: Connection, notes: Sequence[Note]) -> None:
    """Write notes; of several with one key the last."""
    rows = {(legible(each.scope), legible(each.key)): each for each in notes}
    if rows:
        scopes, keys = zip(*sorted(rows), strict=True)  # in one order: no deadlock
        chosen = [rows[each] for each in sorted(rows)]
        values = texts([legible(each.value) for each in chosen])
        ends = numbers([microseconds(each.until) for each in chosen])
        connection.execute(SQL["put_notes"], (texts(scopes), texts(keys), values, ends))


def _delete_notes(connection: Connection, scope: str, keys: Sequence[str]) -> None:
    connection.execute(SQL["delete_notes"], (scope, texts(sorted(keys))))


def expire_notes(connection: Connection, now: int, most: int = MOST) -> int:
    """Delete a batch of notes that have ended at ``now`` (microseconds), or are too many; return
    how many."""
    ended = connection.execute(SQL["end_notes"].format(limit=EXPIRED), (now,)).rowcount
    query, forever = SQL["drop_surplus_notes"].format(limit=EXPIRED), microseconds(FOREVER)
    return ended + connection.execute(query, (forever, most, forever)).rowcount
