"""The pages of a damaged database, and the rows on them that can still be read.

https://www.sqlite.org/fileformat2.html: pages and cells 1.6, records 2.1, free pages 1.5.
Python's sqlite3 has no recovery of its own.
"""

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple, Self

from gatepost.store.sqlite.group_writes import PAGE

_MAGIC: Final = b"SQLite format 3\0"
_FREE_PAGES: Final = struct.Struct(">32x2I")
"""In the header: the first page of the free list, and the number of free pages."""
_TRUNK: Final = struct.Struct(f">{PAGE // 4}I")
"""The next trunk page, the number of free pages that follow, and their numbers."""
_INNER_INDEX, _INNER_TABLE, _LEAF_INDEX, _LEAF_TABLE = 2, 5, 10, 13
_KINDS: Final = frozenset({_INNER_INDEX, _INNER_TABLE, _LEAF_INDEX, _LEAF_TABLE})
_INNER: Final = frozenset({_INNER_INDEX, _INNER_TABLE})
_WITH_ROWS: Final = frozenset({_INNER_INDEX, _LEAF_INDEX, _LEAF_TABLE})
_SMALLEST: Final = (PAGE - 12) * 32 // 255 - 23
_SIZES: Final = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)
"""Octets of a value, by its serial type."""

Value = int | float | str | bytes | None


class Row(NamedTuple):
    """A record; ``number`` is its rowid, None in an index or a table without rowids."""

    number: int | None
    values: list[Value]


class _Damaged(Exception):
    """Data that SQLite cannot have written."""


_BROKEN: Final = (_Damaged, IndexError, ValueError, struct.error)
"""The errors of reading damaged octets."""


class Image:
    """A database file, with the newer versions of pages from a log."""

    def __init__(self, database: Path, logged: Mapping[int, int]) -> None:
        self._file = database.open("rb")
        self._logged, self._log = logged, None
        if logged:
            self._log = database.with_name(f"{database.name}-wal").open("rb")
        self.count = max(database.stat().st_size // PAGE, *logged, 0)
        self._read: set[int] = set()
        self.damages = 0
        """Number of pages and rows that could not be read so far."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if self._log is not None:
            self._log.close()

    def rows(self, root: int) -> Iterator[Row]:
        """Yield the readable rows of a tree; unreadable ones add to ``damages``."""
        below, seen = [root], set[int]()
        while below:
            number = below.pop()
            try:
                if number in seen or not 0 < number <= self.count:
                    raise _Damaged
                page = _Page(self._page(number), number)
                below += reversed(page.children())
            except _BROKEN:
                self.damages += 1
                continue
            seen.add(number)
            self._read.add(number)
            yield from self._rows_on(page)

    def stray_rows(self) -> Iterator[Row]:
        """Yield the rows on pages that belong to no tree that was read, and are not free."""
        excluded = self._read | self._free()[0]
        for number in range(1, self.count + 1):
            if number in excluded:
                continue
            try:
                page = _Page(self._page(number), number)
            except _BROKEN:
                continue
            yield from self._rows_on(page)

    @property
    def is_cut(self) -> bool:
        """Whether the header says that there are more pages than the file has."""
        head = self._page(1)
        return head.startswith(_MAGIC) and int.from_bytes(head[28:32]) > self.count

    def has_complete_free_list(self) -> bool:
        """Tell whether the file lists all free pages."""
        return self._free()[1]

    def _page(self, number: int) -> bytes:
        place = self._logged.get(number)
        if place is not None and self._log is not None:
            self._log.seek(place)
            return self._log.read(PAGE)
        self._file.seek((number - 1) * PAGE)
        return self._file.read(PAGE)

    def _rows_on(self, page: "_Page") -> Iterator[Row]:
        if page.kind not in _WITH_ROWS:
            return
        for index in range(page.cells):
            try:
                row = self._row(page, index)
            except _BROKEN:
                self.damages += 1
            else:
                yield row

    def _row(self, page: "_Page", index: int) -> Row:
        octets, at = page.octets, page.cell(index)
        size, at = _varint(octets, at)
        number: int | None = None
        if page.kind == _LEAF_TABLE:
            number, at = _varint(octets, at)
            number -= (number >> 63) << 64
        end = at + _size_here(size, page.kind)
        payload = octets[at:end]
        if size > len(payload):
            payload += self._overflow(int.from_bytes(octets[end : end + 4]), size - len(payload))
        if len(payload) != size:
            raise _Damaged
        return Row(number, _values(payload))

    def _overflow(self, number: int, size: int) -> bytes:
        parts: dict[int, bytes] = {}
        while size > 0:
            if not 0 < number <= self.count or number in parts:
                raise _Damaged
            octets = self._page(number)
            parts[number] = octets[4 : 4 + size]
            number = int.from_bytes(octets[:4])
            size -= PAGE - 4
        return b"".join(parts.values())

    def _free(self) -> tuple[set[int], bool]:
        """Return the free pages, which contain deleted rows, and whether these are all."""
        free: set[int] = set()
        head = self._page(1).ljust(PAGE, b"\0")
        trunk, total = _FREE_PAGES.unpack_from(head) if head.startswith(_MAGIC) else (0, -1)
        while 0 < trunk <= self.count and trunk not in free and trunk not in self._read:
            free.add(trunk)
            trunk, count, *leaves = _TRUNK.unpack(self._page(trunk).ljust(PAGE, b"\0"))
            free.update(leaves[:count])
        return free, len(free) == total


class _Page:
    """A page of a tree. Raises the errors in _BROKEN."""

    def __init__(self, octets: bytes, number: int) -> None:
        self.octets = octets
        self._start = 100 if number == 1 else 0
        self.kind = octets[self._start]
        if self.kind not in _KINDS or len(octets) != PAGE:
            raise _Damaged
        self.cells = int.from_bytes(octets[self._start + 3 : self._start + 5])
        self._pointers = self._start + (12 if self.kind in _INNER else 8)
        if self._pointers + 2 * self.cells > PAGE:
            raise _Damaged

    def children(self) -> list[int]:
        """Return the pages below this one, from left to right."""
        if self.kind not in _INNER:
            return []
        places = [self._cell(index) for index in range(self.cells)] + [self._start + 8]
        return [int.from_bytes(self.octets[each : each + 4]) for each in places]

    def cell(self, index: int) -> int:
        """Return the start of the record of a cell."""
        return self._cell(index) + (4 if self.kind in _INNER else 0)

    def _cell(self, index: int) -> int:
        (place,) = struct.unpack_from(">H", self.octets, self._pointers + 2 * index)
        if place < self._pointers:
            raise _Damaged
        return int(place)


def _size_here(size: int, kind: int) -> int:
    """Return how much of a record is on its page; the rest is on other pages."""
    largest = PAGE - 35 if kind == _LEAF_TABLE else (PAGE - 12) * 64 // 255 - 23
    if size <= largest:
        return size
    here = _SMALLEST + (size - _SMALLEST) % (PAGE - 4)
    return here if here <= largest else _SMALLEST


def _varint(octets: bytes, at: int) -> tuple[int, int]:
    value = 0
    for _ in range(8):
        octet = octets[at]
        at += 1
        value = value << 7 | octet & 0x7F
        if octet < 0x80:
            return value, at
    return value << 8 | octets[at], at + 1


def _values(payload: bytes) -> list[Value]:
    end, at = _varint(payload, 0)
    types = []
    while at < end:
        kind, at = _varint(payload, at)
        types.append(kind)
    values: list[Value] = []
    for kind in types:
        size = (kind - 12) // 2 if kind >= 12 else _SIZES[kind]
        values.append(_value(kind, payload[at : at + size]))
        at += size
    if at != len(payload):
        raise _Damaged
    return values


def _value(kind: int, octets: bytes) -> Value:
    if kind >= 12:
        return octets.decode("utf-8", "replace") if kind % 2 else octets
    if kind == 0:
        return None
    if kind == 7:
        return float(struct.unpack(">d", octets)[0])
    if kind >= 8:
        return kind - 8
    return int.from_bytes(octets, signed=True)
