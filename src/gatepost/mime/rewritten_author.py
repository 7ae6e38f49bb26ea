"""Gives a header another author, for a server that takes mail of one address only.

From gets the address, with the display name as it was. Who wrote the message stays in Reply-To
(RFC 5322 3.6.2), so that answers arrive; if that is in use, or the old field is invalid, in a field
of its own. A Sender is kept in the same way. Everything else stays as it is, octet by octet.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from gatepost.mime.composed_fields import LINE, MAX_LINE
from gatepost.mime.mailboxes import parse_mailboxes
from gatepost.model.address import Address

ORIGINAL_FROM: Final = b"X-Original-From"
ORIGINAL_SENDER: Final = b"X-Original-Sender"


class FieldChange(NamedTuple):
    """Header lines before and after; empty if there were or are none."""

    before: bytes
    after: bytes


class HeaderField(NamedTuple):
    """A field of a header; ``name``, in lower case, is empty for what is no field."""

    name: bytes
    octets: bytes
    """All its lines, with CRLF."""

    @property
    def value(self) -> bytes:
        """What follows the colon, without the last CRLF."""
        return self.octets.partition(b":")[2].removesuffix(b"\r\n")

    @property
    def mailboxes(self) -> tuple[Address, ...]:
        """Everybody in a field of addresses; empty if it is invalid."""
        text = self.value.decode("utf-8", "surrogateescape").replace("\r\n", "")
        try:
            return parse_mailboxes(text.strip(" \t"))
        except ValueError:
            return ()


def rewrite_author(head: bytes, address: Address) -> tuple[FieldChange, ...]:
    """Return what changes in a header, whose lines end with CRLF, if this address becomes its only
    author; empty if it is."""
    fields = list(split_header(head))
    authors = [each for each in fields if each.name == b"from"]
    changes = [
        FieldChange(each.octets, ORIGINAL_SENDER + each.octets[len(each.name) :])
        for each in fields
        if each.name == b"sender" and not _is_alone(each, address)
    ]
    if len(authors) == 1 and _is_alone(authors[0], address):
        return tuple(changes)
    if not authors:
        return (FieldChange(b"", b"From: <%s>\r\n" % str(address).encode()), *changes)
    may_answer = not any(each.name == b"reply-to" for each in fields)
    first = FieldChange(authors[0].octets, _new_author(authors, address, may_answer=may_answer))
    return (first, *[FieldChange(each.octets, b"") for each in authors[1:]], *changes)


def apply_changes(head: bytes, changes: Sequence[FieldChange]) -> bytes:
    """Return a header with these changes; what is new and replaces nothing comes first."""
    instead: dict[bytes, list[bytes]] = {}
    for change in changes:
        instead.setdefault(change.before, []).append(change.after)
    parts = instead.pop(b"", [])
    for field in split_header(head):  # equal fields may change in different ways
        after = instead.get(field.octets)
        parts.append(after.pop(0) if after else field.octets)
    return b"".join(parts)


def split_header(head: bytes) -> Iterator[HeaderField]:
    """Yield the fields of a header in order."""
    lines: list[bytes] = []
    start = 0
    while start < len(head):
        end = head.find(b"\r\n", start)
        end = len(head) if end < 0 else end + 2
        if lines and head[start : start + 1] not in (b" ", b"\t"):
            yield _field(b"".join(lines))
            lines = []
        lines.append(head[start:end])
        start = end
    if lines:
        yield _field(b"".join(lines))


def _field(octets: bytes) -> HeaderField:
    name, colon, _ = octets.partition(b":")
    return HeaderField(name.rstrip(b" \t").lower() if colon else b"", octets)


def _is_alone(field: HeaderField, address: Address) -> bool:
    return [each.key.lower() for each in field.mailboxes] == [address.key.lower()]


def _new_author(authors: Sequence[HeaderField], address: Address, *, may_answer: bool) -> bytes:
    """Return the new From field, and the field that keeps the old one."""
    is_valid = all(each.mailboxes for each in authors)
    keeps = b"Reply-To" if may_answer and is_valid else ORIGINAL_FROM
    old = b",".join([each.value for each in authors])
    if len(keeps) + len(b":") + len(old.partition(b"\r\n")[0]) > MAX_LINE:
        old = b"\r\n " + old.lstrip(b" \t")
    return b"From:%s\r\n%s:%s\r\n" % (_named(authors, address), keeps, old)


def _named(authors: Sequence[HeaderField], address: Address) -> bytes:
    """Return the address behind the display name of the only author."""
    angle = b"<%s>" % str(address).encode()
    phrase, bracket, behind = authors[0].value.rpartition(b"<")
    is_one = len(authors) == 1 == len(authors[0].mailboxes)
    phrase = phrase.strip(b" \t\r\n") if is_one and bracket and b">" in behind else b""
    if not phrase or phrase.endswith(b":"):  # a group has a name, too
        return b" " + angle
    last_line = phrase.rpartition(b"\n")[2]
    gap = b" " if len(b"From: ") + len(last_line) + len(angle) < LINE else b"\r\n "
    return b" " + phrase + gap + angle
