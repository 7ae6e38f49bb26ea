"""The tables of a store, and which rows of a damaged file may belong to them."""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from gatepost.store.sqlite.damaged_pages import Row, Value
from gatepost.store.stored_values import microseconds

BODIES: Final = {"bodies": "messages", "queue_bodies": "queue_messages"}
"""Tables whose rows look alike; but messages have the sizes and checksums of their bodies."""
_TAKEN: Final = """
INSERT OR IGNORE INTO {bodies} SELECT ?1, ?2 WHERE EXISTS (
    SELECT 1 FROM {messages}
    WHERE seq = ?1 AND segment IS NULL AND size = length(?2) AND checksum = crc32(?2))
"""
_LATEST: Final = microseconds(datetime(9999, 12, 31, tzinfo=UTC))
"""No number of ours is larger than a time can be, and none is negative."""
_ANY_OCTETS: Final = frozenset({"mail_from", "subject", "message_id", "principal"})
"""Texts of clients, which may be any octets (``text_value``)."""
_NO_ROWID: Final = "WITHOUT ROWID"

Form = Callable[[Value], bool]


class Table:
    """A table of a new file, to which rows are copied."""

    def __init__(self, new: sqlite3.Connection, name: str) -> None:
        self._new, self.name = new, name
        self.stray_rows = 0
        """Number of rows from outside its tree."""
        [(sql,)] = new.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,))
        columns = new.execute(f'PRAGMA table_info("{name}")').fetchall()
        self._is_numbered = _NO_ROWID not in sql
        if not self._is_numbered:  # then the key comes first
            columns = sorted(columns, key=lambda each: each[5] or len(columns))
        self._forms = [
            _form(column, kind, may_be_null=not (is_given or in_key))
            for _, column, kind, is_given, _, in_key in columns
        ]
        names = ", ".join(f'"{each[1]}"' for each in columns)
        marks = ", ".join("?" * len(columns))
        self._insert = f'INSERT OR IGNORE INTO "{name}" ({names}) VALUES ({marks})'  # noqa: S608
        self._take = self._insert
        if name in BODIES:
            self._take = _TAKEN.format(bodies=name, messages=BODIES[name])

    def try_insert(self, row: Row) -> bool:
        """Insert a row of its tree, unless a newer one exists; False if it is not a valid row."""
        if (values := self._values(row)) is None:
            return False
        self._new.execute(self._insert, values)
        return True

    def take(self, row: Row) -> None:
        """Insert a row that was found outside trees, if it may belong to this table."""
        if (values := self._values(row)) is not None:
            self.stray_rows += self._new.execute(self._take, values).rowcount

    def _values(self, row: Row) -> Sequence[Value] | None:
        """Return the values to insert; None if this is not a row of this table."""
        values = row.values
        if (row.number is not None) != self._is_numbered or len(values) != len(self._forms):
            return None
        if self._is_numbered:  # its key is not repeated in the record
            if values[0] is not None:
                return None
            values = [row.number, *values[1:]]
        is_one = all(can_be(each) for can_be, each in zip(self._forms, values, strict=True))
        return values if is_one else None


def _form(column: str, kind: str, *, may_be_null: bool) -> Form:
    types: tuple[type, ...] = {"INTEGER": (int,), "TEXT": (str,), "BLOB": (bytes,)}[kind]
    if column in _ANY_OCTETS:
        types = (str, bytes)

    def can_be(value: Value) -> bool:
        if value is None:
            return may_be_null
        return isinstance(value, types) and not (
            isinstance(value, int) and not 0 <= value <= _LATEST
        )

    return can_be
