"""Adds STARTTLS to an EHLO reply, for a client that wants it from a server that does not offer it.

RFC 3207 4: STARTTLS is offered without TLS, and no longer inside it.
"""

import re
from typing import Final

_LINE: Final = re.compile(rb"(\d{3})(?:([ -])(.*))?$", re.DOTALL)
_STARTTLS: Final = re.compile(rb"(?i)\d{3}[ -]STARTTLS\s*$")


class StarttlsOffer:
    """Rewrites what a server sends before TLS. Feed it complete replies or parts."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._lines: list[bytes] = []

    def feed(self, octets: bytes, *, is_hello: bool) -> bytes:
        """Return what the client must receive; parts of a reply wait for the rest."""
        self._buffer += octets
        rewritten = bytearray()
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[: end + 1])
            del self._buffer[: end + 1]
            self._lines.append(line)
            match = _LINE.match(line.rstrip(b"\r\n"))
            if match is None or match[2] != b"-":
                rewritten += _with_starttls(self._lines) if is_hello else b"".join(self._lines)
                self._lines = []
        return bytes(rewritten)


def _with_starttls(lines: list[bytes]) -> bytes:
    if not lines[-1].startswith(b"250") or any(_STARTTLS.match(line) for line in lines):
        return b"".join(lines)
    *head, last = lines
    text = last[4:] or b"\r\n"
    return b"".join((*head, b"250-" + text, b"250 STARTTLS\r\n"))
