"""Notes about feedback in SQLite."""

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from gatepost.model.note import FOREVER, Note
from gatepost.queue.notes_contract import EXPIRED, MOST
from gatepost.store.sqlite.group_writes import RunChange, Transaction
from gatepost.store.sqlite.message_reader import RunRead
from gatepost.store.sqlite.queries import read_queries
from gatepost.store.stored_values import legible, microseconds, read_time

SQL: Final = read_queries("notes.sql")


class SqliteNotes:
    """Implements ``queue.notes_contract.NoteStore``; see ``SqliteReports``."""

    def __init__(self, change: RunChange, read: RunRead, reading: sqlite3.Connection) -> None:
        self._change, self._read, self._reading = change, read, reading

    async def find(self, scope: str, keys: Sequence[str]) -> str | None:
        return await self._read(self._find, legible(scope), [legible(each) for each in keys])

    def _find(self, scope: str, keys: Sequence[str]) -> str | None:
        for key in keys:
            row = self._reading.execute(SQL["find_note"], (scope, key)).fetchone()
            if row is not None:
                return str(row[0])
        return None

    async def list(self, scope: str, limit: int) -> Sequence[Note]:
        return await self._read(self._list, legible(scope), limit)

    def _list(self, scope: str, limit: int) -> Sequence[Note]:
        rows = self._reading.execute(SQL["list_notes"], (scope, limit)).fetchall()
        return [Note(scope, key, value, read_time(until)) for key, value, until in rows]

    async def put(self, notes: Iterable[Note]) -> None:
        await self._change(put_notes, tuple(notes))

    async def delete(self, scope: str, keys: Iterable[str]) -> None:
        await self._change(_delete_notes, legible(scope), tuple([legible(each) for each in keys]))

    async def expire(self, now: datetime, most: int = MOST) -> int:
        deleted = 0
        while some := await self._change(expire_notes, microseconds(now), most):
            deleted += some
        return deleted


def put_notes(transaction: Transaction, notes: Sequence[Note]) -> None:
    """Write notes."""
    rows = [
        (legible(each.scope), legible(each.key), legible(each.value), microseconds(each.until))
        for each in notes
    ]
    transaction.connection.executemany(SQL["put_note"], rows)
    transaction.ledger.pages += 1 + len(rows)


def _delete_notes(transaction: Transaction, scope: str, keys: Sequence[str]) -> None:
    transaction.connection.executemany(SQL["delete_note"], [(scope, each) for each in keys])
    transaction.ledger.pages += 1 + len(keys)


def expire_notes(transaction: Transaction, now: int, most: int = MOST) -> int:
    """Delete a batch of notes that have ended at ``now`` (microseconds), or are too many; return
    how many."""
    execute, forever = transaction.connection.execute, microseconds(FOREVER)
    deleted = execute(SQL["ended_notes"], (now, EXPIRED)).rowcount
    surplus = execute(SQL["surplus_notes"], (forever, most, EXPIRED)).rowcount
    transaction.ledger.pages += deleted + surplus
    return deleted + surplus
