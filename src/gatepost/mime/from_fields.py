"""Finds the From fields of a header, as any reader might find them.

Readers disagree about a damaged header: some skip a line that is not a field, others end the header
there, and some find a field behind a blank or a byte order mark. So what one of them may take for a
From field is either one for all of them, or an error.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from gatepost.mime.header_summary import MAX_HEADER
from gatepost.mime.look_alikes import COLON, as_seen
from gatepost.mime.shown_addresses import may_show_address

# Literals to search for, and single characters to search up to: this runs for each message.
_USUAL: Final = re.compile(
    rb"(?:\r\n[A-Za-z0-9-]++:[^\r]*+(?:\r\n[ \t]++[^\x00- \x7f][^\r]*+)*+)++"
)
"""A header in which every reader finds the same fields, if there are no control characters."""
_USUAL_OCTETS: Final = bytes([9, *range(32, 127), *range(128, 256)])
_WIDE_BREAK: Final = re.compile(b"\xc2\x85|\xe2\x80[\xa8\xa9]")
"""NEL and the separators of lines and paragraphs, in UTF-8."""
_FROM: Final = re.compile(rb"\r\n[Ff][Rr][Oo][Mm]:([^\r]*+(?:\r\n[ \t][^\r]*+)*+)")
_SENDER: Final = re.compile(rb"\r\n[Ss][Ee][Nn][Dd][Ee][Rr]:([^\r]*+(?:\r\n[ \t][^\r]*+)*+)")
_FOLD: Final = re.compile(r"\r\n[ \t]+")
_BLANKS: Final = " \t\r\n\xa0\u3000"
"""Not the controls and separators that ``str.strip`` takes for blanks."""
_NAME: Final = re.compile(r"[!-9;-~]+[ \t]*:")
_BREAK: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029]+")
"""A character at which a line ends for some readers."""
_INSIGNIFICANT: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_ENVELOPE: Final = re.compile(r">*from[ \t]+(\S*@\S*)", re.IGNORECASE)
"""The line before a message in a file of the format mbox (RFC 4155)."""


def from_fields(content: bytes | bytearray) -> list[str]:
    """Return the values of the From fields at the start of ``content``, unfolded.

    The address in an envelope line (``From a@b.example Thu Jan ...``) counts as one. Without a
    From field it is the Sender fields, which some readers show in its place.

    Raises ValueError, with the reason, if readers may find different fields.
    """
    end = content.find(b"\r\n\r\n", 0, MAX_HEADER)
    if end < 0 and len(content) <= MAX_HEADER:
        end = len(content) - 2 * content.endswith(b"\r\n")
    header = b"\r\n" + content[: max(end, 0)]
    if _is_usual(header):
        authors = _FROM.findall(header)
        senders = () if authors else _SENDER.findall(header)
    else:
        fields = list(_read_carefully(content))
        authors = [_octets(value) for name, value in fields if name == "from"]
        senders = [_octets(value) for name, value in fields if name == "sender"]
    return list(map(_unfold, authors)) or list(filter(may_show_address, map(_unfold, senders)))


def _is_usual(header: bytes) -> bool:
    if not _USUAL.fullmatch(header):
        return False
    breaks = header.translate(None, _USUAL_OCTETS)
    return breaks == b"\r\n" * (len(breaks) // 2) and (
        header.isascii() or not _WIDE_BREAK.search(header)
    )


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _unfold(value: bytes) -> str:
    text = value.decode("utf-8", "surrogateescape")
    return (_FOLD.sub(" ", text) if "\r" in text else text).strip(_BLANKS)


def _read_carefully(content: bytes | bytearray) -> Iterator[tuple[str, str]]:
    """Yield the name and the value of each From and Sender field. Raises ValueError."""
    text = content[:MAX_HEADER].decode("utf-8", "surrogateescape")
    found = text.lstrip("\r\n")
    header, end, _ = found.partition("\r\n\r\n")
    lines = header.removesuffix("\r\n").split("\r\n")
    if found and len(found) < len(text) and not _is_start_of_header(lines[0]):
        return  # behind an empty line only some readers find a header
    if not end and len(content) > MAX_HEADER:
        raise ValueError("the header is too long")
    has_breaks = _BREAK.search(header) is not None
    for field in _joined(lines):
        if has_breaks:
            _check_breaks(field)
        yield from _judge(field)


def _is_start_of_header(line: str) -> bool:
    return line.startswith((" ", "\t")) or ":" in as_seen(line)


def _joined(lines: Sequence[str]) -> Iterator[list[str]]:
    """Yield the lines of each field."""
    field: list[str] = []
    for line in lines:
        if field and not line.startswith((" ", "\t")):
            yield field
            field = []
        field.append(line)
    if field:
        yield field


def _check_breaks(field: Sequence[str]) -> None:
    """Raise ValueError for a From field that only some readers find."""
    for line in field:
        if any(_has_author(piece) for piece in _BREAK.split(line)[1:]):
            raise ValueError("a control character before what some readers take for a From field")


def _judge(field: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the field if it is one for all readers, and says who wrote the message."""
    whole = "\r\n".join(field)
    match = _NAME.match(whole)
    name, _, value = whole.partition(":")
    if match is not None and name.rstrip(" \t").lower() in ("from", "sender"):
        yield name.rstrip(" \t").lower(), value
    elif _has_author(whole) or (match is None and any(map(_has_author, field))):
        raise ValueError("a line that only some readers take for a From field")
    elif envelope := _ENVELOPE.match(whole):
        yield "from", envelope[1]


def _has_author(text: str) -> bool:
    """Tell whether a reader that does not mind a damaged name takes the text for a From field."""
    if not COLON.search(text):
        return False
    name, colon, _ = as_seen(text).partition(":")
    return bool(colon) and _INSIGNIFICANT.sub("", name).lower() == "from"
