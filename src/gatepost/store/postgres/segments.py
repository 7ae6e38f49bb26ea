"""The tables of message contents: numbered, and dropped as a whole.

Deleting contents one by one would leave it to vacuum to clean up, which it cannot while somebody,
such as a backup, holds a snapshot. A table ``body_N`` is written until it is full or old. Then its
last contents are moved to another one, and it is dropped.
"""

import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import psycopg

from gatepost.errors import Unreadable
from gatepost.model.body import WINDOW, Body, BytesBody
from gatepost.model.units import MIB
from gatepost.store.postgres.arrays import numbers, octets
from gatepost.store.postgres.connections import Connection
from gatepost.store.postgres.statements import SQL

Kind = Literal["captured", "queued"]
RunInTransaction = Callable[[Callable[[Connection], int]], int]
"""Runs a function in a transaction; returns what it returned."""
ReadRows = Callable[[Callable[[Connection], list[bytes]]], list[bytes]]
"""Runs a function in a thread that reads, and waits for its result."""
ROW: Final = 8_000
"""Octets of a content in one row, which fits into a page with it; no compression, no TOAST."""
SIZE: Final = 256 * MIB
"""Octets after which a segment gets no further contents."""
AGE: Final = 3600.0
"""Seconds after which it gets none, either."""
AT_ONCE: Final = 1 * MIB
"""The largest content that is read as a whole."""
_ROWS: Final = WINDOW // ROW
"""Rows of a chunk of a larger one."""


@dataclass(slots=True)
class _Open:
    """The segment that gets the contents of a kind."""

    number: int
    epoch: int
    """That of the node, for which the segment is reserved."""
    octets: int = 0
    begun: float = field(default_factory=time.monotonic)


class SegmentTables:
    """The segments of a store. For any thread. ``epoch`` returns that of the node."""

    def __init__(self, epoch: Callable[[], int], size: int = SIZE) -> None:
        self.epoch, self._size = epoch, size
        self._lock = threading.Lock()
        self._open: dict[Kind, _Open] = {}
        self._writing = Counter[int]()
        """How many groups that are being written have contents in a segment."""
        self._closed: set[int] = set()
        """Those that get no further contents."""

    @contextmanager
    def writing(self, change: RunInTransaction, kind: Kind, written: int) -> Iterator[int]:
        """Yield the segment for contents of a kind, with so many octets; it stays meanwhile.

        ``change`` runs a function in a transaction, which may create a segment.
        """
        with self._lock:
            epoch, current = self.epoch(), self._open.get(kind)
            if current is None or current.epoch != epoch:
                closed = frozenset(self._closed)
                number = change(lambda each: create_segment(each, kind, closed, epoch))
                self._closed.discard(number)  # it comes again in an older copy of the database
                current = self._open[kind] = _Open(number, epoch)
            self._writing[current.number] += 1
        try:
            yield current.number
        finally:
            with self._lock:
                self._writing[current.number] -= 1
                current.octets += written
                is_full = current.octets >= self._size or time.monotonic() - current.begun >= AGE
                if is_full and self._open.get(kind) is current:
                    self._closed.add(current.number)
                    del self._open[kind]

    def forget(self, number: int) -> None:
        """Write no more to a segment, because its table is gone."""
        with self._lock:
            for kind in [kind for kind, each in self._open.items() if each.number == number]:
                del self._open[kind]

    def try_close(self, number: int) -> bool:
        """Let a segment get no further contents; False if some are being written to it."""
        with self._lock:
            current = [each.number for each in self._open.values()]
            if number in current or self._writing[number] > 0:
                return False
            self._closed.add(number)
            return True


def create_segment(
    connection: Connection, kind: Kind, closed: Collection[int], epoch: int | None = None
) -> int:
    """Return an open segment of a kind that a node has left that is gone, or create one; in an open
    transaction. It is reserved for a node; others are ``closed``."""
    connection.execute("LOCK TABLE segment IN SHARE ROW EXCLUSIVE MODE")
    connection.execute(SQL["close_segments"], (numbers(sorted(closed)), epoch))
    found = connection.execute(SQL["adopt_segment"], (epoch, kind)).fetchone()
    if found is not None:
        return int(found[0])
    row = connection.execute(SQL["insert_segment"], (kind, epoch)).fetchone()
    assert row is not None  # noqa: S101 - it was inserted
    table = table_of(row[0])
    connection.execute(
        f"CREATE TABLE {table} (message bigint, n int, content bytea NOT NULL,"
        " PRIMARY KEY (message, n)) WITH (autovacuum_enabled = false, toast_tuple_target = 8160)"
    )
    connection.execute(f"ALTER TABLE {table} ALTER content SET STORAGE EXTERNAL")
    return int(row[0])


def table_of(segment: int) -> str:
    """Return the name of a segment's table."""
    return f"body_{segment:06d}"


def write_contents(
    connection: Connection, segment: int, contents: Sequence[tuple[int, int, bytes]]
) -> None:
    """Insert contents; each: the key of its message, the number of its first row, and octets."""
    keys, places, rows = list[int](), list[int](), list[bytes]()
    for key, first, content in contents:
        for place, start in enumerate(range(0, len(content), ROW), first):
            keys.append(key)
            places.append(place)
            rows.append(content if len(content) <= ROW else content[start : start + ROW])
    if keys:
        connection.execute(
            f"INSERT INTO {table_of(segment)} (message, n, content)"  # noqa: S608 - a number
            " SELECT message, n, content FROM unnest(%s, %s, %s) AS new (message, n, content)"
            " ON CONFLICT DO NOTHING",
            (numbers(keys), numbers(places), octets(rows)),
        )


@dataclass(frozen=True, slots=True)
class ContentPlace:
    """Where a content is."""

    segment: int
    key: int
    size: int
    checksum: int

    def read(self, connection: Connection) -> Body:
        """Return a content that is not larger than AT_ONCE. Raises Unreadable if it is damaged."""
        content = b"".join(self.rows(connection, 0, AT_ONCE // ROW + 1))
        if len(content) != self.size or zlib.crc32(content) != self.checksum:
            raise Unreadable(f"the body in segment {self.segment} is damaged")
        return BytesBody(content)

    def rows(self, connection: Connection, first: int, count: int) -> list[bytes]:
        """Return rows of it, as far as they exist. Raises UndefinedTable if it was moved."""
        cursor: psycopg.Cursor[Any] = connection.execute(
            f"SELECT content FROM {table_of(self.segment)}"  # noqa: S608 - a number
            " WHERE message = %s AND n >= %s AND n < %s ORDER BY n",
            (self.key, first, first + count),
            binary=True,
        )
        return [row[0] for row in cursor.fetchall()]


class StoredBody:
    """A large content, which is read in chunks. ``read`` runs a function with a connection."""

    made_on_the_way: Final = True

    def __init__(
        self, place: ContentPlace, find: Callable[[], ContentPlace], read: ReadRows
    ) -> None:
        self._place, self._find, self._read = place, find, read

    @property
    def size(self) -> int:
        """Octets in all."""
        return self._place.size

    def chunks(self) -> Iterator[bytes]:
        """Yield the content. Raises Unreadable at its end if it differs from what was stored."""
        size, checksum, row = 0, 0, 0
        while size < self._place.size:
            chunk = b"".join(self._rows(row))
            if not chunk:
                break
            size, checksum, row = size + len(chunk), zlib.crc32(chunk, checksum), row + _ROWS
            yield chunk
        if size != self._place.size or checksum != self._place.checksum:
            raise Unreadable(f"the body in segment {self._place.segment} is damaged")

    def _rows(self, first: int) -> list[bytes]:
        for _ in range(2):
            try:
                return self._read(lambda connection: self._place.rows(connection, first, _ROWS))
            except psycopg.errors.UndefinedTable:
                with suppress(KeyError):
                    self._place = self._find()  # it was moved meanwhile
        raise Unreadable("the body was deleted while it was read")
