"""Counts how often a message was relayed: its trace fields reveal loops (RFC 5321 6.3)."""

import re
from typing import Final

MAX_HOPS: Final = 100
"""Maximum Received fields of a message that is accepted; RFC 5321 6.3 requires at least 100."""

_RECEIVED: Final = re.compile(rb"\r\nreceived[ \t]*:", re.IGNORECASE)


def count_hops(head: bytes | bytearray) -> int:
    """Return the number of Received fields in a message's header."""
    if head.startswith(b"\r\n"):
        return 0  # there is no header
    end = head.find(b"\r\n\r\n")
    header = b"\r\n" + (head if end < 0 else head[:end])
    return sum(1 for _ in _RECEIVED.finditer(header))
