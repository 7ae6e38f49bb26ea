"""The addresses of a field with their names, for people: invalid input is read leniently.

Who may send never depends on it; that is decided with ``mime.mailboxes``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gatepost.mime.decoded_fields import LONGEST, decode_field, unfold_field

MOST: Final = 1_000
"""Maximum number of addresses of a field."""


@dataclass(frozen=True, slots=True)
class NamedAddress:
    """An address, and the name that was given with it, decoded."""

    name: str
    address: str


def read_addresses(field: str) -> tuple[NamedAddress, ...]:
    """Return the addresses of a field such as To, as it is in the header (RFC 5322 3.4)."""
    addresses: list[NamedAddress] = []
    for entry in _entries(unfold_field(field)[:LONGEST]):
        if (read := entry.read()) is not None:
            addresses.append(read)
            if len(addresses) == MOST:
                break
    return tuple(addresses)


class _Entry:
    """What stands between two commas."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.comment: list[str] = []
        self.angle: str | None = None
        self.has_at = False

    def read(self) -> NamedAddress | None:
        words = "".join(self.words).strip()
        comment = decode_field("".join(self.comment))
        if self.angle is not None:
            return NamedAddress(decode_field(words) or comment, self.angle.strip())
        if not words:
            return None
        if "@" in words:
            return NamedAddress(comment, decode_field(words))
        return NamedAddress(decode_field(words), "")


def _entries(field: str) -> Iterator[_Entry]:
    entry, at = _Entry(), 0
    while at < len(field):
        character = field[at]
        if character == '"':
            at, text = _quoted(field, at)
            entry.words.append(text if "@" not in field[at : at + 1] else f'"{text}"')
        elif character == "(":
            at, text = _comment(field, at)
            entry.comment.append(text)
        elif character == "<":
            end = field.find(">", at)
            end = len(field) if end < 0 else end
            entry.angle = field[at + 1 : end]
            at = end + 1
        else:
            at += 1
            if character in ",;":
                yield entry
                entry = _Entry()
            elif character == ":" and not entry.has_at:
                entry = _Entry()  # the name of a group
            else:
                entry.has_at = entry.has_at or character == "@"
                entry.words.append(character)
    yield entry


def _quoted(field: str, at: int) -> tuple[int, str]:
    """Return where a quoted string ends, and its text."""
    text: list[str] = []
    at += 1
    while at < len(field) and field[at] != '"':
        at += field[at] == "\\"
        text.append(field[at : at + 1])
        at += 1
    return at + 1, "".join(text)


def _comment(field: str, at: int) -> tuple[int, str]:
    """Return where a comment ends, with those in it, and its text."""
    text: list[str] = []
    depth = 0
    while at < len(field):
        character = field[at]
        depth += (character == "(") - (character == ")")
        if depth == 0:
            break
        if character == "\\":
            at += 1
            character = field[at : at + 1]
        elif character == "(" and depth == 1:
            character = ""
        text.append(character)
        at += 1
    return at + 1, "".join(text)
