"""The content after DATA and BDAT: where it ends, and what its octets become.

The end of data is CRLF.CRLF and nothing else, decided on the raw octets, and so
are the dots (RFC 5321 4.1.1.4, 4.5.2). Only afterwards does a bare CR or LF
become CRLF, so no other line end can smuggle a second message in.
"""

from typing import Final

END: Final = b"\r\n.\r\n"
WINDOW: Final = 65_536
"""Octets that may wait for the end before they are handed on."""

_CR: Final = 13


class Newlines:
    """Makes bare CR and LF into CRLF, over any split, and remembers what it met."""

    __slots__ = ("_held", "met_bare", "met_nul")

    def __init__(self) -> None:
        self._held = b""
        self.met_bare = False
        self.met_nul = False

    def convert(self, raw: bytes, *, last: bool) -> bytes:
        """Return ``raw`` with every line end as CRLF; a trailing CR waits for what follows it."""
        if self._held:
            raw, self._held = self._held + raw, b""
        if not last and raw.endswith(b"\r"):
            raw, self._held = raw[:-1], b"\r"
        if b"\0" in raw:
            self.met_nul = True
        # Without its CRLFs it must hold neither CR nor LF. On the hot path this copy of the same
        # length is ten times cheaper than counting and a regular expression.
        rest = raw.replace(b"\r\n", b"  ")
        if b"\r" not in rest and b"\n" not in rest:
            return raw
        self.met_bare = True  # ten times cheaper than a regular expression:
        return raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


class DataReader:
    """Takes the content of one DATA out of a buffer, piece by piece."""

    __slots__ = ("_dotted", "_line_start", "_scanned", "ended", "newlines")

    def __init__(self, newlines: Newlines | None = None) -> None:
        self.newlines = newlines or Newlines()
        self.ended = False
        self._line_start = True
        self._dotted = False
        """A line that begins with a dot was met, so dots must be looked for."""
        self._scanned = 0

    @property
    def is_undotted(self) -> bool:
        """No line of what was read begins with a dot."""
        return not (self._dotted or self.newlines.met_bare)

    def read(self, buffer: bytearray) -> bytes | None:
        """Remove what is decided from ``buffer`` and return it decoded; None when more is needed.

        Sets ``ended`` with the last piece; the octets behind it stay in the buffer.
        """
        if self._line_start and buffer.startswith(b".\r\n"):
            del buffer[:3]
            self.ended = True
            return self.newlines.convert(b"", last=True)
        end = buffer.find(b"\r\n.", self._scanned)
        if end >= 0 and not buffer.startswith(b"\r\n", end + 3):
            self._dotted = True
            end = buffer.find(END, end)
        if end >= 0 and buffer.startswith(b"\r\n", end + 3):
            raw = _head(buffer, end + 2)
            del buffer[: end + 5]
            self.ended = True
            return self.newlines.convert(self._unstuff(raw), last=True)
        if len(buffer) < WINDOW:
            self._scanned = max(0, len(buffer) - len(END) + 1)
            return None
        cut = len(buffer) - len(END) + 1
        if buffer[cut - 1] == _CR:
            cut -= 1  # CRLF stays together, so that a dot behind it is seen
        raw = _head(buffer, cut)
        del buffer[:cut]
        self._scanned = 0
        return self.newlines.convert(self._unstuff(raw), last=False)

    def _unstuff(self, raw: bytes) -> bytes:
        """Delete the dot at the head of each line (RFC 5321 4.5.2)."""
        starts_with_dot = self._line_start and raw.startswith(b".")
        self._line_start = raw.endswith(b"\r\n")
        if self._dotted:
            raw = raw.replace(b"\r\n.", b"\r\n")
        if not starts_with_dot:
            return raw
        self._dotted = True
        return raw[1:]


def _head(buffer: bytearray, size: int) -> bytes:
    """Return the first octets of ``buffer``, copied once."""
    with memoryview(buffer) as view:
        return bytes(view[:size])


class ChunkReader:
    """Takes the octets of one BDAT out of a buffer (RFC 3030 2); counted, so no dots."""

    __slots__ = ("last", "newlines", "remaining")

    def __init__(self, newlines: Newlines, size: int, *, last: bool) -> None:
        self.newlines = newlines
        self.remaining = size
        self.last = last

    @property
    def ended(self) -> bool:
        """True when the announced octets are all there."""
        return self.remaining == 0

    def read(self, buffer: bytearray) -> bytes | None:
        """Remove what belongs to the chunk and return it decoded; None when more is needed."""
        if self.remaining > len(buffer) and len(buffer) < WINDOW:
            return None
        raw = _head(buffer, self.remaining)
        del buffer[: self.remaining]
        self.remaining -= len(raw)
        return self.newlines.convert(raw, last=self.last and self.ended)
