"""A store in a database as portable rows. No relay may use it meanwhile."""

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import psycopg

from gatepost.errors import Unreadable
from gatepost.store.portable_rows import (
    COLUMNS,
    COUNTERS,
    SETS,
    PortableRow,
    PortableTable,
)
from gatepost.store.postgres.connections import Connection, text_of
from gatepost.store.postgres.segments import (
    ROW,
    SIZE,
    ContentPlace,
    Kind,
    create_segment,
    write_contents,
)
from gatepost.store.stored_values import legible

_TABLES: Final[Mapping[PortableTable, str]] = {
    "queued": "message",
    "entry": "mailbox JOIN mailbox_contents USING (seq)",
}
"""Those with another name here."""
_KINDS: Final[Mapping[PortableTable, Kind]] = {"captured": "captured", "queued": "queued"}
_CONTENTS: Final = 2
"""Columns of an entry that are in a table of their own: the last ones."""
_FINISH: Final = """
INSERT INTO hop SELECT hop, min(due) FROM delivery WHERE due IS NOT NULL GROUP BY hop;
UPDATE counter SET value = greatest(
    (SELECT max(seq) FROM captured),
    (SELECT max(value) FROM counter WHERE name IN ('captured', 'reported', 'indexed')))
WHERE name = 'captured';
SELECT setval(pg_get_serial_sequence('report', 'number'),
              (SELECT coalesce(max(number), 0) + 1 FROM report), false);
"""


def other_nodes(connection: Connection, own: str) -> list[str]:
    """Return the names of the other nodes: they must be stopped before a copy."""
    query = "SELECT name FROM node WHERE name <> %s ORDER BY name"
    return [name for (name,) in connection.execute(query, (own,))]


def is_empty(connection: Connection) -> bool:
    """Tell whether the store has no mail and no objects."""
    tables = ("captured", "message", "record", "operation")
    queries = [f"SELECT 1 FROM {each} LIMIT 1" for each in tables]  # noqa: S608
    return not any(connection.execute(each).fetchone() for each in queries)


def read_rows(connection: Connection, now: int) -> Iterator[PortableRow]:
    """Yield everything; what is leased is due ``now``. Raises Unreadable."""
    try:
        yield from _read_rows(connection, now)
    except psycopg.Error as error:
        raise Unreadable(f"the store cannot be read: {text_of(error)}") from error


def _read_rows(connection: Connection, now: int) -> Iterator[PortableRow]:
    connection.execute("SET idle_in_transaction_session_timeout = 0", prepare=False)
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", prepare=False)
        for table, columns in COLUMNS.items():
            names = ", ".join(map(_column(table, now), columns))
            more = ", segment, key" if table == "captured" else ""
            more = ", segment, key, settled IS NULL" if table == "queued" else more
            query = f"SELECT {names}{more} FROM {_TABLES.get(table, table)} ORDER BY 1, 2"  # noqa: S608
            with connection.cursor(name="portable", binary=True) as cursor:
                for row in cursor.execute(query):
                    values = row[: len(columns)]
                    if table == "counter" and values[0] not in COUNTERS:
                        continue
                    content = _content(connection, table, row) if table in _KINDS else None
                    yield PortableRow(table, tuple(map(_plain, columns, values)), content)


def write_rows(connection: Connection, rows: Iterable[PortableRow]) -> dict[str, int]:
    """Write rows into an empty store, in one transaction; return how many by table. Raises
    Unreadable."""
    try:
        return _write_rows(connection, rows)
    except psycopg.Error as error:
        raise Unreadable(f"the store cannot be written: {text_of(error)}") from error


def _write_rows(connection: Connection, rows: Iterable[PortableRow]) -> dict[str, int]:
    counts = Counter[str]()
    connection.execute("SET idle_in_transaction_session_timeout = 0", prepare=False)
    with connection.transaction():
        contents = {kind: _ContentWriter(connection, kind) for kind in _KINDS.values()}
        for row in rows:
            segment = 0
            if (kind := _KINDS.get(row.table)) is not None:
                segment = contents[kind].write(row.values[0], row.content)
            _write(connection, row, segment)
            counts[row.table] += 1
        connection.execute(_FINISH, prepare=False)
    return dict(counts)


class _ContentWriter:
    """Writes the contents of a kind, into one segment after the other."""

    def __init__(self, connection: Connection, kind: Kind) -> None:
        self._connection, self._kind = connection, kind
        self._segment, self._octets = 0, SIZE

    def write(self, key: int, content: bytes | None) -> int:
        """Write a content, if there is one; return its segment."""
        if content is None:
            return 0
        if self._octets >= SIZE:
            self._segment = create_segment(self._connection, self._kind, (self._segment,))
            self._octets = 0
        self._octets += len(content)
        for first in range(0, len(content) // ROW + 1, 512):
            part = content[first * ROW : (first + 512) * ROW]
            write_contents(self._connection, self._segment, [(key, first, part)])
        return self._segment


def _column(table: PortableTable, now: int) -> Callable[[str], str]:
    def find(name: str) -> str:
        if table == "delivery" and name == "due":  # what is leased is leased to nobody any more
            return f"CASE WHEN node IS NULL OR held THEN due ELSE {int(now)}::bigint END"
        return "key" if table == "queued" and name == "seq" else name

    return find


def _plain(column: str, value: Any) -> Any:
    return tuple(value) if column in SETS else value


def _content(connection: Connection, table: PortableTable, row: tuple[Any, ...]) -> bytes | None:
    size, checksum = row[COLUMNS[table].index("size")], row[COLUMNS[table].index("checksum")]
    segment, key, *is_open = row[len(COLUMNS[table]) :]
    if is_open == [False]:
        return None
    place = ContentPlace(segment, key, size, checksum)
    content = b"".join(place.rows(connection, 0, size // ROW + 1))
    if len(content) != size or zlib.crc32(content) != checksum:
        raise Unreadable(f"the body of message {row[1]} is damaged")
    return content


def _write(connection: Connection, row: PortableRow, segment: int) -> None:
    table, columns, values = row.table, list(COLUMNS[row.table]), list(row.values)
    if table == "counter":
        name, value = values
        query = "UPDATE counter SET value = greatest(value, %s) WHERE name = %s"
        connection.execute(query, (value, name))
        return
    values = [_stored(column, each) for column, each in zip(columns, values, strict=True)]
    if table == "entry":
        contents = (values[0], *values[-_CONTENTS:])
        connection.execute("INSERT INTO mailbox_contents VALUES (%s, %s, %s)", contents)
        del columns[-_CONTENTS:], values[-_CONTENTS:]
    if table in _KINDS:
        columns.append("segment")
        values.append(segment)
    if table == "queued":
        columns[0] = "key"
    elif table == "captured":
        columns.append("key")
        values.append(values[0])
    name = _TABLES.get(table, table).split(" ", 1)[0]
    connection.execute(
        f"INSERT INTO {name} ({', '.join(columns)}) OVERRIDING SYSTEM VALUE"  # noqa: S608
        f" VALUES ({', '.join(['%s'] * len(columns))})",
        values,
    )


def _stored(column: str, value: Any) -> Any:
    if column in SETS:
        return [legible(each) for each in value]
    return legible(value) if isinstance(value, str) else value
