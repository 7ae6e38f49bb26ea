"""A store in a directory as portable rows. No relay may use it meanwhile."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from gatepost.errors import Unreadable
from gatepost.store.portable_rows import (
    COLUMNS,
    COUNTERS,
    FLAGS,
    MESSAGES,
    OCTETS,
    SETS,
    PortableRow,
    PortableTable,
)
from gatepost.store.sqlite.durable_calls import Disk
from gatepost.store.sqlite.mailbox_terms import SEPARATOR, joined
from gatepost.store.sqlite.queries import read_text, text_value
from gatepost.store.sqlite.recovery import DATABASE
from gatepost.store.sqlite.segments import SEGMENTS, Segments, open_content

_TABLES: Final[Mapping[PortableTable, str]] = {
    "captured": "messages",
    "departed": "departed",
    "queued": "queue_messages",
    "delivery": "queue_deliveries",
    "operation": "operations",
    "report": "reports",
    "report_delivery": "deliveries",
    "suppressed_period": "leases",
    "record": "records",
    "note": "notes",
    "entry": "mailbox JOIN mailbox_contents USING (seq)",
    "counter": "counters",
}
_BODIES: Final[Mapping[PortableTable, str]] = {"captured": "bodies", "queued": "queue_bodies"}
_CONTENTS: Final = 2
"""Columns of an entry that are in a table of their own: the last ones."""
_FINISH: Final = """
INSERT INTO queue_hops
SELECT hop, min(due) FROM queue_deliveries WHERE due IS NOT NULL GROUP BY hop;
UPDATE counters SET value = (SELECT count(*) FROM messages) WHERE name = 'messages';
UPDATE counters SET value = (SELECT coalesce(sum(size), 0) FROM messages) WHERE name = 'octets';
"""


def is_empty(directory: Path) -> bool:
    """Tell whether the store has no mail and no objects."""
    with closing(_connect(directory)) as connection:
        query = "SELECT EXISTS (SELECT 1 FROM {})"
        tables = ("messages", "queue_messages", "records", "operations")
        return not any(connection.execute(query.format(each)).fetchone()[0] for each in tables)


def read_rows(directory: Path, now: int) -> Iterator[PortableRow]:
    """Yield everything; what is leased is due ``now``. Raises Unreadable."""
    try:
        yield from _read_rows(directory, now)
    except sqlite3.Error as error:
        raise Unreadable(f"the store cannot be read: {error}") from error


def _read_rows(directory: Path, now: int) -> Iterator[PortableRow]:
    segments = Segments(directory / SEGMENTS, Disk())
    with closing(_connect(directory)) as connection:
        for table, columns in COLUMNS.items():
            names = ", ".join(columns)
            if table == "delivery":  # what is leased is leased to nobody any more
                names = names.replace("due", f"iif(epoch IS NULL OR held, due, {int(now)})")
            query = f"SELECT {names} FROM {_TABLES[table]} ORDER BY 1, 2"  # noqa: S608
            for row in connection.execute(query):
                if table == "counter" and row[0] not in COUNTERS:
                    continue
                plain = [_plain(table, *each) for each in zip(columns, row, strict=True)]
                content = _content(connection, table, row, segments) if table in _BODIES else None
                yield PortableRow(table, tuple(plain), content)


def write_rows(directory: Path, rows: Iterable[PortableRow]) -> dict[str, int]:
    """Write rows into an empty store, in one transaction; return how many by table. Raises
    Unreadable."""
    try:
        return _write_rows(directory, rows)
    except sqlite3.Error as error:
        raise Unreadable(f"the store cannot be written: {error}") from error


def _write_rows(directory: Path, rows: Iterable[PortableRow]) -> dict[str, int]:
    counts: dict[str, int] = {}
    with closing(Disk().connect(directory / DATABASE)) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("BEGIN IMMEDIATE")
        for row in rows:
            _write(connection, row)
            counts[row.table] = counts.get(row.table, 0) + 1
        for statement in _FINISH.split(";"):
            connection.execute(statement)
        connection.execute("COMMIT")
    return counts


def _connect(directory: Path) -> sqlite3.Connection:
    return Disk().connect(directory / DATABASE, read_only=True)


def _plain(table: PortableTable, column: str, value: Any) -> Any:
    if table in MESSAGES and column in OCTETS:
        return value if isinstance(value, bytes) else read_text(value).encode()
    if column in FLAGS:
        return bool(value)
    if column in SETS:
        return tuple(value.strip(SEPARATOR).split(SEPARATOR)) if value else ()
    return value


def _stored(table: PortableTable, column: str, value: Any) -> Any:
    if table in MESSAGES and column in OCTETS:
        return text_value(value.decode("utf-8", "surrogateescape"))
    if column in FLAGS:
        return int(value)
    return joined(value) if column in SETS else value


def _content(
    connection: sqlite3.Connection, table: PortableTable, row: tuple[Any, ...], segments: Segments
) -> bytes | None:
    query = (
        f'SELECT m.segment, m."offset", m.size, m.checksum, b.content FROM {_TABLES[table]} AS m'  # noqa: S608
        f" LEFT JOIN {_BODIES[table]} AS b USING (seq) WHERE m.seq = ?"
    )
    place = connection.execute(query, row[:1]).fetchone()
    if place[0] is None and place[-1] is None:
        return None
    return b"".join(open_content(str(row[1]), place, segments).chunks())


def _write(connection: sqlite3.Connection, row: PortableRow) -> None:
    table, columns = row.table, COLUMNS[row.table]
    values = [_stored(table, *each) for each in zip(columns, row.values, strict=True)]
    if table == "counter":
        connection.execute("UPDATE counters SET value = ? WHERE name = ?", values[::-1])
        return
    if table == "entry":
        contents = (values[0], *values[-_CONTENTS:])
        connection.execute("INSERT INTO mailbox_contents VALUES (?, ?, ?)", contents)
        columns, values = columns[:-_CONTENTS], values[:-_CONTENTS]
    name = _TABLES[table].split(" ", 1)[0]
    marks = ", ".join("?" * len(columns))
    connection.execute(
        f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({marks})",  # noqa: S608
        values,
    )
    if row.content is not None:
        body = f"INSERT INTO {_BODIES[table]} VALUES (?, ?)"  # noqa: S608
        connection.execute(body, (values[0], row.content))
