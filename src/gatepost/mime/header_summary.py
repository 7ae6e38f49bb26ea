"""The few header fields that a relay must read (RFC 5322 2.2)."""

import re
from typing import Final

from gatepost.model.fast_dataclass import dataclass

MAX_HEADER: Final = 65_536
"""Maximum octets that are searched; a header rarely has a hundredth of them."""

# A literal to search for first, without case folding: this runs for each message.
_FIELDS: Final = re.compile(rb"\r\n([SsMm][A-Za-z-]*)[ \t]*:([^\r]*(?:\r\n[ \t][^\r]*)*)")
_FOLD: Final = re.compile(r"\r\n[ \t]+")


@dataclass(frozen=True, slots=True)
class Summary:
    """Unfolded, not decoded. Octets that are not UTF-8 are kept as surrogates."""

    subject: str = ""
    message_id: str = ""


def read_summary(content: bytes | bytearray) -> Summary:
    """Return the summary of the header at the start of ``content``."""
    end = content.find(b"\r\n\r\n", 0, MAX_HEADER)
    header = b"\r\n" + content[: end if end >= 0 else MAX_HEADER]
    if header.startswith(b"\r\n\r\n"):
        return Summary()
    subject = message_id = ""
    for match in _FIELDS.finditer(header):
        name = match[1].lower()
        if name == b"subject":
            subject = subject or _unfold(match[2])
        elif name == b"message-id":
            message_id = message_id or _unfold(match[2])
    return Summary(subject, message_id)


def _unfold(value: bytes) -> str:
    text = value.decode("utf-8", "surrogateescape")
    return (_FOLD.sub(" ", text) if "\r" in text else text).strip()


MAX_HOPS: Final = 100
"""Maximum Received fields of a message that is accepted; RFC 5321 6.3 requires at least 100."""

_RECEIVED: Final = re.compile(rb"\r\nreceived[ \t]*:")


def count_hops(head: bytes | bytearray) -> int:
    """Return the number of Received fields in a message's header."""
    if head.startswith(b"\r\n"):
        return 0  # there is no header
    end = head.find(b"\r\n\r\n")
    header = b"\r\n" + (head if end < 0 else head[:end])
    return len(_RECEIVED.findall(header.lower()))  # much faster than without case


MAX_FIELDS: Final = 200
"""Fields that are read by name."""


def read_fields(head: bytes) -> tuple[tuple[str, str], ...]:
    """Return names in lower case and unfolded values of the first fields of a message's header."""
    end = head.find(b"\r\n\r\n", 0, MAX_HEADER)
    fields: list[tuple[str, list[str]]] = []
    for line in head[: end if end >= 0 else MAX_HEADER].split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1][1].append(_unfold(line))
        elif colon and len(fields) < MAX_FIELDS:
            fields.append((name.decode("ascii", "replace").strip().lower(), [_unfold(value)]))
        else:
            break
    return tuple([(name, " ".join(lines)) for name, lines in fields])
