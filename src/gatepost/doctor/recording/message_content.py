"""Reads a message while it passes: its end, and faults of its form. Keeps none of its content."""

from typing import Final

from gatepost.model.evidence import ContentFormat

_END: Final = b"\r\n.\r\n"
_HEAD: Final = 1_024
"""Octets of a header line that are read."""


class ContentScan:
    """Takes a message in any pieces, as sent, with dots still doubled."""

    def __init__(self) -> None:
        self.ended = False
        """Its end was sent: CRLF.CRLF, and nothing else (RFC 5321 4.1.1.4)."""
        self.looks_ended = False
        """What was sent ends with a dot on a line of its own, with any line end."""
        self._tail = b"\r\n"
        self._cr = b""
        """A CR whose line end is not text yet, if any."""
        self._octets = self._bare = self._line = self._longest = self._eight_bit = 0
        self._head = bytearray()
        self._in_headers = True
        self._has_from = False

    def feed(self, octets: bytes) -> bytes:
        """Process a piece, and return what follows the end of the message."""
        tail_and_octets = self._tail + octets
        at = tail_and_octets.find(_END)
        if at < 0:
            self._scan(octets)
            self._tail = tail_and_octets[-len(_END) + 1 :]
            self.looks_ended = tail_and_octets.endswith((b"\n.\n", b"\n.\r\n"))
            return b""
        end = at + len(_END) - len(self._tail)
        self._scan(octets[:end])
        self._octets = max(self._octets - 3, 0)  # the dot and its line end
        self.ended = True
        return octets[end:]

    def skip(self, octets: bytes) -> None:
        """Process a piece of BDAT, whose length determines its end (RFC 3030 2)."""
        self._scan(octets)

    def _scan(self, octets: bytes) -> None:
        self._octets += len(octets)
        text = self._cr + octets
        self._cr = b"\r" if text.endswith(b"\r") else b""
        text = text.removesuffix(b"\r")
        pairs = text.count(b"\r\n")
        self._bare += text.count(b"\n") + text.count(b"\r") - 2 * pairs
        *whole, rest = text.split(b"\n")
        for line in whole:
            self._add(line.removesuffix(b"\r"))
            self._end_line()
        self._add(rest)

    def _add(self, part: bytes) -> None:
        self._line += len(part)
        self._longest = max(self._longest, self._line)
        if self._in_headers:
            self._head += part[: _HEAD - len(self._head)]

    def _end_line(self) -> None:
        self._line = 0
        if not self._in_headers:
            return
        self._in_headers = bool(self._head)
        self._eight_bit += not self._head.isascii()
        self._has_from |= self._head[:5].lower() == b"from:"
        self._head.clear()

    def result(self) -> ContentFormat:
        """Return what is text so far."""
        return ContentFormat(
            self._octets, self.ended, self._bare, self._longest, self._eight_bit, self._has_from
        )
