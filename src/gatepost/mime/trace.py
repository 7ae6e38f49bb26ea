"""How often a message was passed on: loops show in its trace (RFC 5321 6.3)."""

import re
from typing import Final

MAX_HOPS: Final = 100
"""Received fields of a message that may still be on its way; RFC 5321 6.3 asks for 100 at least."""

_RECEIVED: Final = re.compile(rb"\r\nreceived[ \t]*:", re.IGNORECASE)


def count_hops(head: bytes | bytearray) -> int:
    """Return the Received fields in the header at the head of a message."""
    if head.startswith(b"\r\n"):
        return 0  # there is no header
    end = head.find(b"\r\n\r\n")
    header = b"\r\n" + (head if end < 0 else head[:end])
    return sum(1 for _ in _RECEIVED.finditer(header))
