"""From a damaged database to a new one: every row that can still be read.

A table is read from its first row to the damage, then from its last one backwards, and where rows
have numbers, from behind the damage on. Indexes are not trusted, they are made anew.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from gatepost.errors import Unreadable
from gatepost.store.sqlite.disk import Disk
from gatepost.store.sqlite.queries import read_sql

VERSION: Final = 4
"""Of the schema: ``schema_N.sql`` leads from N - 1 to N."""
APPLICATION: Final = 0x47505354
"""PRAGMA application_id, by which our files are known: ``GPST``."""
EPOCH_LEAP: Final = 1_000
"""Added to the newest epoch that is seen in an id where the counter itself is lost: no id may come
twice."""
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

# What follows from other rows, or must not be without them.
_MEND: Final = """
DELETE FROM queue_deliveries WHERE message NOT IN (SELECT seq FROM queue_messages);
DELETE FROM queue_bodies WHERE seq NOT IN (SELECT seq FROM queue_messages);
DELETE FROM bodies WHERE seq NOT IN (SELECT seq FROM messages);
UPDATE queue_messages SET settled = received_at
    WHERE settled IS NULL AND seq NOT IN (SELECT message FROM queue_deliveries);
DELETE FROM queue_hops;
INSERT INTO queue_hops
    SELECT hop, min(due) FROM queue_deliveries WHERE due IS NOT NULL GROUP BY hop;
INSERT OR REPLACE INTO counters SELECT 'messages', count(*) FROM messages;
INSERT OR REPLACE INTO counters SELECT 'octets', coalesce(sum(size), 0) FROM messages;
"""
_WITHOUT_RECIPIENTS: Final = """
SELECT count(*) FROM queue_messages
    WHERE settled IS NULL AND seq NOT IN (SELECT message FROM queue_deliveries)
"""
_NEWEST: Final = """
SELECT coalesce(max(CAST(id AS INTEGER)), 0) FROM (
    SELECT id FROM messages UNION ALL SELECT id FROM queue_messages
    UNION ALL SELECT id FROM departed)
"""
Row = tuple[Any, ...]


def is_damaged(error: BaseException) -> bool:
    """Tell whether SQLite says that the file itself is damaged."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED


def look_through(connection: sqlite3.Connection) -> None:
    """Meet damage now, not on the way. Raises sqlite3.Error."""
    said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if said != "ok":
        error = sqlite3.DatabaseError(said)
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error


def salvage(damaged: Path, goal: Path, disk: Disk) -> str:
    """Write what can be read of `damaged` to `goal`; return a sentence about what that was.

    Raises sqlite3.Error when `goal` cannot be written, Unreadable when nothing can be read: who
    knows whose file that is.
    """
    new, old = disk.connect(goal), disk.connect(damaged, read_only=True)
    old.text_factory = lambda octets: octets.decode("utf-8", "replace")
    try:
        _check_readable(old)
        new.execute("BEGIN")
        for number in range(1, VERSION + 1):
            for statement in _statements(read_sql(f"schema_{number}.sql")):
                new.execute(statement)
        before = new.total_changes
        whole = [_carry(old, new, name, key) for name, key in _tables(new)]
        if new.total_changes == before:
            raise Unreadable("the store cannot be opened, nothing can be read of it: no rows")
        lost = new.execute(_WITHOUT_RECIPIENTS).fetchone()
        for statement in _statements(_MEND):
            new.execute(statement)
        _count_on(old, new)
        told = new.execute("SELECT count(*) FROM queue_messages WHERE settled IS NULL").fetchone()
        new.execute("COMMIT")
        new.execute(f"PRAGMA application_id={APPLICATION}")
        new.execute(f"PRAGMA user_version={VERSION}")
    finally:
        new.close()
        old.close()
    parts = f"{sum(whole)} of {len(whole)} tables are whole"
    return f"{parts}, {told[0]} messages wait to be sent, {lost[0]} have lost their recipients"


def _check_readable(old: sqlite3.Connection) -> None:
    try:
        known = old.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    except sqlite3.Error as error:
        raise Unreadable(
            f"the store cannot be opened, nothing can be read of it: {error}"
        ) from error
    if not known:
        raise Unreadable("the store cannot be opened, nothing can be read of it: no tables")


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _tables(new: sqlite3.Connection) -> list[tuple[str, tuple[str, ...]]]:
    """Every table, and the columns of its key."""
    names = new.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    found = []
    for (name,) in names:
        columns = new.execute(f'PRAGMA table_info("{name}")').fetchall()
        key = sorted((each[5], each[1]) for each in columns if each[5])
        found.append((name, tuple([column for _, column in key])))
    return found


def _carry(
    old: sqlite3.Connection, new: sqlite3.Connection, table: str, key: Sequence[str]
) -> bool:
    """Copy a table's rows; tell whether it was read to its end."""
    try:
        there = {each[1] for each in old.execute(f'PRAGMA table_info("{table}")')}
    except sqlite3.Error:
        return False
    wanted = [each[1] for each in new.execute(f'PRAGMA table_info("{table}")')]
    columns = [each for each in wanted if each in there]
    if not columns:
        return False
    reading = _Reading(old, table, columns, key)
    names = ", ".join(f'"{each}"' for each in columns)
    marks = ", ".join("?" * len(columns))
    insert = f'INSERT OR REPLACE INTO "{table}" ({names}) VALUES ({marks})'  # noqa: S608
    for row in reading.rows():
        with suppress(sqlite3.IntegrityError):  # damage within a row
            new.execute(insert, row)
    return reading.is_whole


class _Reading:
    """Reads a table around its damage."""

    def __init__(
        self, old: sqlite3.Connection, table: str, columns: Sequence[str], key: Sequence[str]
    ) -> None:
        self._old, self._columns, self._key = old, columns, key
        names = ", ".join(f'"{each}"' for each in columns)
        self._select = f'SELECT {names} FROM "{table}" NOT INDEXED'  # noqa: S608
        self.is_whole = True

    def rows(self) -> Iterator[Row]:
        last: Row | None = None
        for last in self._until_damage(""):
            yield last
        if self.is_whole:
            return
        first: Row | None = None
        for first in self._until_damage("", backwards=True):
            yield first
        if last and first and isinstance(self._at(last), int):
            yield from self._between(self._at(last), self._at(first))

    def _between(self, start: int, end: int) -> Iterator[Row]:
        """Leap over the damage, further each time, and read on behind it."""
        leap = 1
        while start + leap < end:
            position, start = start, start + leap
            for row in self._until_damage(f'WHERE "{self._key[0]}" BETWEEN {start} AND {end - 1}'):
                start = self._at(row)
                yield row
            leap = leap * 2 if start == position + leap else 1

    def _at(self, row: Row) -> Any:
        return row[self._columns.index(self._key[0])]

    def _until_damage(self, where: str, *, backwards: bool = False) -> Iterator[Row]:
        order = ", ".join(f'"{each}"{" DESC" if backwards else ""}' for each in self._key)
        try:
            yield from self._old.execute(f"{self._select} {where} ORDER BY {order}")
        except sqlite3.Error:
            self.is_whole = False


def _count_on(old: sqlite3.Connection, new: sqlite3.Connection) -> None:
    """See to it that no id comes twice, and nothing is reported twice."""
    read = dict[str, int]()
    with suppress(sqlite3.Error):
        read = dict(old.execute("SELECT name, value FROM counters"))
    newest = new.execute(_NEWEST).fetchone()[0]
    epoch = read["epoch"] if "epoch" in read else newest + EPOCH_LEAP
    new.execute("INSERT OR REPLACE INTO counters VALUES ('epoch', ?)", (max(epoch, newest),))
    if "reported" not in read:
        new.execute(
            "INSERT OR REPLACE INTO counters SELECT 'reported', coalesce(max(seq), 0) FROM messages"
        )
