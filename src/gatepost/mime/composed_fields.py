"""Header fields of a message that we compose: folded, encoded, never more than one field each.

Our own implementation, as for reading, because the standard library's folding of address lists
differs between patch releases of Python. RFC 5322 2.2.3 (folding) and 3.4 (mailboxes), RFC 2047
(words that are not ASCII), RFC 2231 (parameters that are not).
"""

import base64
import re
from collections.abc import Iterable, Iterator
from typing import Final

from gatepost.model.address import Address

LINE: Final = 78
"""Characters of a line after which we fold (RFC 5322 2.1.1)."""
MAX_LINE: Final = 998
"""Maximum characters of a line."""

_ENCODED_LINE: Final = 76
"""Characters of a line with encoded words in it (RFC 2047 2)."""
_WORD_OCTETS: Final = 45
"""Octets of text in one encoded word, which may have 75 characters (RFC 2047 2)."""
_CHARACTER: Final = 4
"""Maximum octets of a character: an encoded word has room for one."""
_AROUND: Final = len("=?utf-8?B??=")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")
"""Line ends and other characters that are not permitted in fields; the tab is."""
_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$&+^_`{}~.-]+")
_WORD: Final = re.compile(r"\S+")
_PIECE: Final = re.compile(r"(?<![ \t])[ \t]*[^ \t]+")
_PARAMETER: Final = 50
"""Characters of a parameter's value in one section (RFC 2231 3)."""

Mailbox = tuple[str, Address]
"""A display name, which may be empty, and an address."""


def is_field_text(text: str) -> bool:
    """Tell whether text is permitted in a field: it has no line end and no control character."""
    return _CONTROL.search(text) is None


def text_field(name: str, value: str) -> bytes:
    """Return a field whose value is for people to read (RFC 5322 2.2.1). Raises ValueError."""
    _check(value)
    value = value.strip(" \t")
    if value.isascii() and "=?" not in value and _longest(value) < MAX_LINE - len(name):
        return raw_field(name, value)
    return _join(name, _encoded(value, name))


def raw_field(name: str, value: str) -> bytes:
    """Return a field with an unchanged value, folded at its blanks.

    Raises ValueError for a value that is not ASCII or has a line end.
    """
    _check(value)
    return _join(name, (piece[0] for piece in _PIECE.finditer(value.strip(" \t"))))


def mailbox_field(name: str, mailboxes: Iterable[Mailbox]) -> bytes:
    """Return a field of mailboxes (RFC 5322 3.4; with an address beyond ASCII, RFC 6532).

    Raises ValueError.
    """
    pieces: list[str] = []
    for display_name, address in mailboxes:
        if pieces:
            pieces[-1] += ","
        _check(display_name)
        pieces += _mailbox(name, display_name.strip(" \t"), address)
    return _join(name, pieces)


def parameter(name: str, value: str) -> str:
    """Return ``; name=value`` for a MIME field, on lines of its own. Raises ValueError.

    What looks like an encoded word is percent-encoded: many readers decode it, though it means
    nothing there (RFC 2047 5).
    """
    _check(value)
    if value.isascii() and "=?" not in value and len(value) <= _PARAMETER:
        text = value if _TOKEN.fullmatch(value) else _quoted(value)
        return f";\r\n {name}={text}"
    first, *others = _percent(value)
    if not others:
        return f";\r\n {name}*=utf-8''{first}"
    numbered = enumerate([f"utf-8''{first}", *others])
    return "".join(f";\r\n {name}*{n}*={section}" for n, section in numbered)


def _check(value: str) -> None:
    if not is_field_text(value):
        raise ValueError("a line end or control character in a header field")


def _join(name: str, pieces: Iterable[str]) -> bytes:
    """Fold before a piece that would make its line too long. Pieces keep their own blanks."""
    lines: list[str] = []
    line = start = f"{name}:"
    for piece in pieces:
        spaced = piece if piece[0] in " \t" else f" {piece}"
        most = _ENCODED_LINE if "=?" in line or "=?" in spaced else LINE
        if len(line) + len(spaced) > most and line != start:
            lines.append(line)
            line = ""
        line += spaced
    return ("\r\n".join([*lines, line]) + "\r\n").encode()


def _longest(value: str) -> int:
    """Return the length of the longest word. Other threads may run between them, as in
    ``raw_field``: a client may give millions."""
    return max((len(word[0]) for word in _WORD.finditer(value)), default=0)


def _mailbox(name: str, display_name: str, address: Address) -> list[str]:
    if not display_name:
        return [str(address)]
    if not display_name.isascii() or "=?" in display_name or len(display_name) > LINE - 2:
        return [*_encoded(display_name, name), f"<{address}>"]
    phrase = display_name if _ATOMS.fullmatch(display_name) else _quoted(display_name)
    return [phrase, f"<{address}>"]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _encoded(text: str, name: str) -> Iterator[str]:
    """Yield encoded words; blanks between them are not part of the text (RFC 2047 6.2).

    The first has room behind the field's name.
    """
    room = (_ENCODED_LINE - len(f"{name}: ") - _AROUND) // 4 * 3
    for octets in _cut(text, min(max(room, _CHARACTER), _WORD_OCTETS)):
        yield f"=?utf-8?B?{base64.b64encode(octets).decode()}?="


def _cut(text: str, room: int) -> Iterator[bytes]:
    """Yield the text in octets that fit into a word each, never parting a character.

    ``room``: octets of the first.
    """
    word = b""
    for character in text:
        octets = character.encode()
        if len(word) + len(octets) > room:
            yield word
            word, room = b"", _WORD_OCTETS
        word += octets
    yield word


def _percent(value: str) -> Iterator[str]:
    section = ""
    for octet in value.encode():
        character = chr(octet)
        safe = character.isascii() and _TOKEN.fullmatch(character) is not None
        written = character if safe else f"%{octet:02X}"
        if len(section) + len(written) > _PARAMETER:
            yield section
            section = ""
        section += written
    yield section
