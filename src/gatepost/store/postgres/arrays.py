"""Columns of rows as arrays of PostgreSQL, in its binary format.

Statements insert groups by ``unnest`` of one array for each column. Their types are fixed, so that
a statement is planned once; psycopg would choose the type of numbers by the largest of them.
"""

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Final

from psycopg import Connection
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEADER: Final = Struct("!iiIii")
"""Dimensions, whether there are NULLs, the type of the elements, how many, the first index."""
_LENGTH: Final = Struct("!i")
_NUMBER: Final = Struct("!iq")
_NULL: Final = _LENGTH.pack(-1)


class Numbers(bytes):
    """An array of bigint."""


class Texts(bytes):
    """An array of text."""


class Octets(bytes):
    """An array of bytea."""


class Flags(bytes):
    """An array of boolean."""


def numbers(values: Sequence[int | None]) -> Numbers:
    """Return an array of numbers; None is NULL."""
    pack = _NUMBER.pack
    content = [_NULL if each is None else pack(8, each) for each in values]
    return Numbers(_header(20, len(values)) + b"".join(content))


def texts(values: Sequence[str | None]) -> Texts:
    """Return an array of texts; None is NULL. Raises UnicodeEncodeError for lone surrogates."""
    encoded = [None if each is None else each.encode() for each in values]
    return Texts(_header(25, len(values)) + _variable(encoded))


def octets(values: Sequence[bytes]) -> Octets:
    """Return an array of octets."""
    return Octets(_header(17, len(values)) + _variable(values))


def flags(values: Sequence[bool]) -> Flags:
    """Return an array of booleans."""
    content = b"".join([b"\0\0\0\1\1" if each else b"\0\0\0\1\0" for each in values])
    return Flags(_header(16, len(values)) + content)


def _header(element: int, length: int) -> bytes:
    return _HEADER.pack(1, 1, element, length, 1)


def _variable(values: Iterable[bytes | None]) -> bytes:
    parts: list[bytes] = []
    pack = _LENGTH.pack
    for each in values:
        if each is None:
            parts.append(_NULL)
        else:
            parts += pack(len(each)), each
    return b"".join(parts)


class _ArrayDumper(Dumper):
    """Passes on what is in PostgreSQL's format already."""

    format = Format.BINARY

    def dump(self, obj: bytes) -> bytes:
        """Return the array."""
        return obj


class _NumbersDumper(_ArrayDumper):
    oid = 1016


class _TextsDumper(_ArrayDumper):
    oid = 1009


class _OctetsDumper(_ArrayDumper):
    oid = 1001


class _FlagsDumper(_ArrayDumper):
    oid = 1000


def register_arrays(connection: "Connection[tuple[object, ...]]") -> None:
    """Let a connection take these arrays as arguments."""
    adapters = connection.adapters
    adapters.register_dumper(Numbers, _NumbersDumper)
    adapters.register_dumper(Texts, _TextsDumper)
    adapters.register_dumper(Octets, _OctetsDumper)
    adapters.register_dumper(Flags, _FlagsDumper)
