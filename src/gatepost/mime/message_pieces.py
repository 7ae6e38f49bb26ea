"""A message as a stream of pieces: headers, bodies, delimiters; only one header is kept in memory.

RFC 2045, RFC 2046 5.1 (multipart), 5.2.1 (message/rfc822). The pieces joined are the message.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

CRLF: Final = b"\r\n"
MOST_HEADER: Final = 1024 * 1024
"""Maximum octets of one header."""
DEEPEST: Final = 100
"""Maximum nesting of parts."""
_FRAGMENT: Final = 65_536
"""Octets of a line that are yielded at a time."""

Kind = Literal["header", "leaf", "between"]
"""A complete header with its empty line; the content of a leaf; delimiters and ignored text."""


class Unparsable(ValueError):
    """A header that is too long, or parts that are nested too deeply."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some octets of a message, in order. ``leaf`` counts the parts that hold content."""

    kind: Kind
    octets: bytes
    leaf: int = -1
    header: "Header | None" = None


@dataclass(frozen=True, slots=True)
class Header:
    """What a part's header says about its content."""

    content_type: str
    """In lower case; the default of RFC 2045 5.2 if it is not given."""
    encoding: str
    boundary: bytes | None

    @property
    def is_multipart(self) -> bool:
        """Whether it contains parts, and names their boundary."""
        return self.content_type.startswith("multipart/") and self.boundary is not None

    @property
    def is_message(self) -> bool:
        """Whether it contains a message, which must not be encoded (RFC 2046 5.2.1)."""
        identity = self.encoding in ("7bit", "8bit", "binary")
        return identity and self.content_type in ("message/rfc822", "message/global")


_TYPE: Final = re.compile(rb"\s*([^\s;/]+/[^\s;/]+)")
_BOUNDARY: Final = re.compile(
    rb";\s*boundary\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;]+))", re.IGNORECASE | re.DOTALL
)
_IN_HEADER: Final = re.compile(rb"[\t ]|[!-9;-~]*:|From |\Z")
"""What may begin a line of a header; an empty one ends it. 8-bit names are not names."""
_FOLD: Final = re.compile(rb"\r\n(?=[ \t])")
_QUOTED: Final = re.compile(rb"\\(.)", re.DOTALL)


def read_header(octets: bytes, *, default: str = "text/plain") -> Header:
    """Return the contents of a header; the first of repeated fields counts."""
    content_type, encoding, boundary = default, "7bit", None
    seen: set[bytes] = set()
    for line in _FOLD.sub(b" ", octets).split(CRLF):
        name, colon, value = line.partition(b":")
        name = name.strip().lower()
        if not colon or name in seen:
            continue
        if name == b"content-type":
            match = _TYPE.match(value)
            content_type = match[1].decode("latin-1").lower() if match else "text/plain"
            match = _BOUNDARY.search(value)
            if match:
                quoted = match[1]
                boundary = match[2] if quoted is None else _QUOTED.sub(rb"\1", quoted)
                boundary = boundary.rstrip() or None
        elif name == b"content-transfer-encoding":
            encoding = value.strip().decode("latin-1").lower() or "7bit"
        else:
            continue
        seen.add(name)
    return Header(content_type, encoding, boundary)


def walk(chunks: Iterable[bytes], deepest: int = DEEPEST) -> Iterator[Piece]:
    """Yield the pieces of a message. Raises Unparsable."""
    return _Walker(deepest).walk(chunks)


class _Walker:
    """The position in the message: the enclosing multiparts, and what the next line belongs to."""

    def __init__(self, deepest: int) -> None:
        self._deepest = deepest
        self._open: list[tuple[bytes | None, str]] = []
        """Boundaries (None: a message in a message), and the default type of their parts (RFC
        2046 5.1.5)."""
        self._levels: dict[bytes, int] = {}
        """The innermost multipart with each boundary."""
        self._leaf = -1
        self._header: list[bytes] | None = []
        self._size = 0
        self._in_leaf = False
        self._pending = b""
        """The line end before the next line; it belongs to the delimiter if the line is one."""

    def walk(self, chunks: Iterable[bytes]) -> Iterator[Piece]:
        starts = True
        for line, end in _lines(chunks):
            delimiter = self._delimiter(line) if starts and line.startswith(b"--") else None
            if delimiter is not None:
                yield from self._meet(delimiter, line, end)
            elif self._header is not None and (not starts or _IN_HEADER.match(line)):
                yield from self._add(self._header, line, end)
            else:
                while self._header is not None:  # a body without an empty line before it
                    yield from self._end_header(self._header)
                yield self._content(self._pending + line)
                self._pending = end
            starts = end == CRLF
        if self._header is not None:
            yield from self._end_header(self._header)
        if self._pending:
            yield self._content(self._pending)

    def _delimiter(self, line: bytes) -> tuple[int, bool] | None:
        """Return which open multipart a line delimits, the innermost that it may, and whether it
        closes it."""
        marker = line[2:].rstrip(b" \t")
        opens, closes = self._levels.get(marker, -1), -1
        if marker.endswith(b"--"):
            closes = self._levels.get(marker[:-2], -1)
        level = max(opens, closes)
        return (level, closes > opens) if level >= 0 else None

    def _meet(self, delimiter: tuple[int, bool], line: bytes, end: bytes) -> Iterator[Piece]:
        if self._header is not None:  # a header without an empty line
            yield from self._end_header(self._header)
        level, closes = delimiter
        if level + (not closes) < len(self._open):
            del self._open[level + (not closes) :]
            self._levels = _levels_of(self._open)
        yield Piece("between", self._pending + line + (b"" if closes else end))
        self._in_leaf, self._header = False, None if closes else []
        self._pending, self._size = end if closes else b"", 0

    def _add(self, header: list[bytes], line: bytes, end: bytes) -> Iterator[Piece]:
        header.append(line + end)
        self._size += len(line) + len(end)
        if self._size > MOST_HEADER:
            raise Unparsable("a header is too long")
        if not line and end and (len(header) == 1 or header[-2].endswith(CRLF)):
            yield from self._end_header(header)

    def _end_header(self, lines: list[bytes]) -> Iterator[Piece]:
        octets = b"".join(lines)
        default = self._open[-1][1] if self._open else "text/plain"
        header = read_header(octets, default=default)
        self._header, self._pending, self._size = None, b"", 0
        self._in_leaf = False
        if header.is_multipart and header.boundary is not None:
            self._levels[header.boundary] = len(self._open)
            inner = "message/rfc822" if header.content_type == "multipart/digest" else "text/plain"
            self._open.append((header.boundary, inner))
        elif header.is_message:
            self._header = []
            self._open.append((None, "text/plain"))
        else:
            self._in_leaf = True
            self._leaf += 1
        if len(self._open) > self._deepest:
            raise Unparsable("parts are nested too deeply")
        yield Piece("header", octets, self._leaf if self._in_leaf else -1, header)

    def _content(self, octets: bytes) -> Piece:
        return Piece("leaf", octets, self._leaf) if self._in_leaf else Piece("between", octets)


def _levels_of(open_: Iterable[tuple[bytes | None, str]]) -> dict[bytes, int]:
    return {each: level for level, (each, _) in enumerate(open_) if each is not None}


def _lines(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield lines and their ends; a very long line comes in several pieces without one."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(CRLF)
        for line in whole:
            while len(line) > _FRAGMENT:
                yield line[:_FRAGMENT], b""
                line = line[_FRAGMENT:]  # noqa: PLW2901
            yield line, CRLF
        while len(rest) > _FRAGMENT:
            yield rest[:_FRAGMENT], b""
            rest = rest[_FRAGMENT:]
    if rest:
        yield rest, b""
