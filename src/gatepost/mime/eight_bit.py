"""8-bit content for a server without 8BITMIME (RFC 6152 3): each part gets a 7-bit encoding.

What is 7-bit already stays unchanged, including boundaries and signed parts. A part is encoded only
if it contains what 7-bit transport does not permit: octets over 127, NUL, lines over 998 octets.
Decoded, every part is unchanged.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Final

from gatepost.mime.ascii_header import ascii_header
from gatepost.mime.message_pieces import CRLF, Header, Piece, Unparsable, walk
from gatepost.model.body import WINDOW, Body, traits_of

MAX_LINE: Final = 998
"""Octets of a line (RFC 5322 2.1.1)."""
_LINE: Final = 57
"""Octets that become one line of Base64 (RFC 2045 6.8)."""
_FOREIGN: Final = 1 / 6
"""Share of 8-bit octets in a text beyond which Base64 is shorter."""
_HIGH: Final = bytes([0, *range(128, 256)])
_IDENTITY: Final = frozenset({"7bit", "8bit", "binary"})
_QP, _B64 = 1, 2

_BARE: Final = re.compile(rb"[\r\n\0]")
_ENCODING_FIELD: Final = re.compile(
    rb"(?:^|(?<=\n))content-transfer-encoding[ \t]*:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*(?:\r\n|$)",
    re.IGNORECASE,
)


class NotEncodable(ValueError):
    """8-bit content that must not be encoded: an address, an unknown encoding."""


def is_seven_bit(body: Body) -> bool:
    """Tell whether every server accepts the content's octets."""
    traits = traits_of(body)
    if traits is not None:
        return traits.is_seven_bit
    return all(_is_clean(chunk) for chunk in body.chunks())


def _is_clean(octets: bytes) -> bool:
    return octets.isascii() and b"\0" not in octets


class SevenBit:
    """Implements Body: a message in 7-bit encodings, made as it is read.

    Reads the message twice for each reading; holds one header and one line of it. Raises
    NotEncodable when it is made.
    """

    made_on_the_way: Final = True

    def __init__(self, body: Body) -> None:
        self._body = body
        try:
            self._plan = _plan(walk(body.chunks()))
        except Unparsable as error:
            raise NotEncodable(str(error)) from error

    @cached_property
    def size(self) -> int:
        """Total octets; determined by reading the message once."""
        return sum(map(len, self.chunks()))

    def chunks(self) -> Iterator[bytes]:
        """Yield the content, at most about WINDOW octets at a time."""
        collected: list[bytes] = []
        size = 0
        for octets in _rewritten(walk(self._body.chunks()), self._plan):
            collected.append(octets)
            size += len(octets)
            if size >= WINDOW // 2:
                yield b"".join(collected)
                collected, size = [], 0
        if collected:
            yield b"".join(collected)


def _plan(pieces: Iterable[Piece]) -> bytearray:
    """Return the encoding of each leaf, 0 for none. Raises NotEncodable."""
    plan = bytearray()
    tally = _Tally(None)
    for piece in pieces:
        if piece.kind == "header":
            if not _is_clean(piece.octets):
                try:
                    ascii_header(piece.octets)
                except ValueError as error:
                    raise NotEncodable(str(error)) from error
            if piece.leaf >= 0:
                if piece.leaf:
                    plan.append(tally.decide())
                tally = _Tally(piece.header)
        elif piece.kind == "leaf":
            tally.count(piece.octets)
    plan.append(tally.decide())
    return plan


class _Tally:
    """Counts what a leaf contains."""

    def __init__(self, header: Header | None) -> None:
        self._header = header
        self._size = self._high = self._line = 0
        self._is_binary = self._has_long = False

    def count(self, octets: bytes) -> None:
        line = octets.removeprefix(CRLF)
        self._line = len(line) if len(line) != len(octets) else self._line + len(line)
        self._has_long |= self._line > MAX_LINE
        self._size += len(octets)
        if not _is_clean(octets):
            self._high += len(octets) - len(octets.translate(None, _HIGH))
        if _BARE.search(line):
            self._is_binary = True

    def decide(self) -> int:
        """Raises NotEncodable."""
        header = self._header
        if header is None or not (self._high or self._is_binary or self._has_long):
            return 0
        if header.encoding not in _IDENTITY:
            if self._high and header.encoding not in ("base64", "quoted-printable"):
                raise NotEncodable(f"8-bit octets in the encoding {header.encoding[:40]}")
            return _QP if self._high else 0
        if header.content_type in ("message/partial", "message/external-body"):
            raise NotEncodable(f"8-bit octets in {header.content_type} (RFC 2046 5.2)")
        is_text = header.content_type.startswith(("text/", "message/"))
        if not is_text or self._is_binary or self._high > _FOREIGN * self._size:
            return _B64
        return _QP


def _rewritten(pieces: Iterable[Piece], plan: bytearray) -> Iterator[bytes]:
    encoder: _Encoder | None = None
    for piece in pieces:
        if piece.kind == "leaf" and encoder is not None:
            yield from encoder.take(piece.octets)
            continue
        if encoder is not None:
            yield from encoder.end()
            encoder = None
        if piece.kind == "between":
            yield piece.octets.translate(_QUESTION)
        elif piece.kind == "leaf":
            yield piece.octets
        else:
            how = plan[piece.leaf] if piece.leaf >= 0 else 0
            yield _header(piece, how)
            encoder = _encoder(piece.header, how)
    if encoder is not None:
        yield from encoder.end()


_QUESTION: Final = bytes([each if 0 < each < 128 else ord("?") for each in range(256)])
"""For the text before and after the parts, which is not displayed (RFC 2046 5.1.1)."""


def _header(piece: Piece, how: int) -> bytes:
    """Return a header in ASCII, with the content's new encoding."""
    octets, header = piece.octets, piece.header
    if not _is_clean(octets):
        octets = ascii_header(octets)
    if header is None or header.encoding not in _IDENTITY:
        return octets
    if how:
        name = b"quoted-printable" if how == _QP else b"base64"
        field = b"Content-Transfer-Encoding: " + name + CRLF
        replaced, count = _ENCODING_FIELD.subn(field, octets, count=1)
        return replaced if count else _added(octets, field)
    if header.encoding == "7bit":
        return octets
    return _ENCODING_FIELD.sub(b"Content-Transfer-Encoding: 7bit\r\n", octets, count=1)


def _added(octets: bytes, field: bytes) -> bytes:
    """Add a field to the end of a header; a message without MIME gets it (RFC 2045 4)."""
    ends = octets.endswith(b"\r\n\r\n") or octets == CRLF
    head = octets[:-2] if ends else octets
    if head and not head.endswith(CRLF):
        head += CRLF
    if not re.search(rb"(?i)(?:^|\n)content-type[ \t]*:", head):
        field = b"Content-Type: text/plain; charset=unknown-8bit\r\n" + field
    if not re.search(rb"(?i)(?:^|\n)mime-version[ \t]*:", head) and not _is_part(head):
        field = b"MIME-Version: 1.0\r\n" + field
    return head + field + CRLF


def _is_part(head: bytes) -> bool:
    """Tell whether a header is that of a part, which has only Content- fields."""
    names = [line.split(b":")[0].lower() for line in head.split(CRLF) if line[:1] not in b" \t"]
    return all(not name or name.startswith(b"content-") for name in names)


class _Encoder:
    """Encodes a leaf piece by piece: pieces are lines, each with the line end before it."""

    def take(self, octets: bytes) -> Iterator[bytes]:
        raise NotImplementedError

    def end(self) -> Iterator[bytes]:
        return iter(())


class _Quoted(_Encoder):
    """Quoted-printable (RFC 2045 6.7); a long line that comes in pieces gets soft line breaks."""

    def __init__(self) -> None:
        self._goes_on = False

    def take(self, octets: bytes) -> Iterator[bytes]:
        line = octets.removeprefix(CRLF)
        if len(line) != len(octets):
            yield CRLF
        elif self._goes_on:
            yield b"=\r\n"
        self._goes_on = bool(line)
        if line:
            yield _quote(line)


class _Octets(_Encoder):
    """8-bit octets in what claims to be encoded: readers take or skip them, so they may not
    change what is read. Quoted-printable has a spelling for them, Base64 ignores them."""

    def __init__(self, *, quoted: bool) -> None:
        self._quoted = quoted

    def take(self, octets: bytes) -> Iterator[bytes]:
        if _is_clean(octets):
            yield octets
        elif self._quoted:
            yield re.sub(rb"[\x00\x80-\xff]", lambda match: b"=%02X" % match[0][0], octets)
        else:
            yield octets.translate(None, _HIGH)


class _Base64(_Encoder):
    """Base64 (RFC 2045 6.8), in lines of 76."""

    def __init__(self) -> None:
        self._rest = b""
        self._separator = b""

    def take(self, octets: bytes) -> Iterator[bytes]:
        data = self._rest + octets
        whole = len(data) - len(data) % _LINE
        self._rest = data[whole:]
        if whole:
            yield self._lines(data[:whole])

    def end(self) -> Iterator[bytes]:
        if self._rest:
            yield self._lines(self._rest)

    def _lines(self, data: bytes) -> bytes:
        encoded = base64.encodebytes(data)[:-1].replace(b"\n", CRLF)
        separator, self._separator = self._separator, CRLF
        return separator + encoded


def _quote(line: bytes) -> bytes:
    return binascii.b2a_qp(line, istext=True).replace(b"=\n", b"=\r\n")


def _encoder(header: Header | None, how: int) -> _Encoder | None:
    if header is None or not how:
        return None
    if header.encoding not in _IDENTITY:
        return _Octets(quoted=header.encoding == "quoted-printable")
    return _Quoted() if how == _QP else _Base64()
