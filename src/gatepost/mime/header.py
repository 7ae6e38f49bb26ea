"""The few header fields that a relay must look at (RFC 5322 2.2)."""

import re
from dataclasses import dataclass
from typing import Final

MAX_HEADER: Final = 65_536
"""Octets that are searched; a header is rarely a hundredth of it."""

_FIELDS: Final = re.compile(
    rb"^(from|subject|message-id)[ \t]*:((?:[^\r\n]|\r\n[ \t])*)", re.IGNORECASE | re.MULTILINE
)
_FOLD: Final = re.compile(r"\r\n[ \t]+")


@dataclass(frozen=True, slots=True)
class Summary:
    """Unfolded, not decoded. Octets that are no UTF-8 are kept as surrogates."""

    from_: tuple[str, ...] = ()
    """Every From field; RFC 5322 3.6 allows one."""
    subject: str = ""
    message_id: str = ""


def read_summary(content: bytes) -> Summary:
    """Return what the header at the head of ``content`` says."""
    end = content.find(b"\r\n\r\n", 0, MAX_HEADER)
    if content.startswith(b"\r\n"):
        return Summary()
    authors: list[str] = []
    subject = message_id = ""
    for match in _FIELDS.finditer(content, 0, end if end >= 0 else MAX_HEADER):
        name = match[1].lower()
        text = match[2].decode("utf-8", "surrogateescape")
        if "\r" in text:
            text = _FOLD.sub(" ", text)
        text = text.strip()
        if name == b"from":
            authors.append(text)
        elif name == b"subject":
            subject = subject or text
        else:
            message_id = message_id or text
    return Summary(tuple(authors), subject, message_id)
