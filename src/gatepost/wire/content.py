"""The content after DATA and BDAT: finds its end and decodes it.

The end of data is only CRLF.CRLF, and it and leading dots are recognised in the raw octets (RFC
5321 4.1.1.4, 4.5.2). Bare CR and LF are converted afterwards, so no other line end can be used to
smuggle a second message.
"""

from typing import Final

END: Final = b"\r\n.\r\n"
WINDOW: Final = 16_384
"""Octets that may be buffered before they are passed on: they count in no budget."""

_NUL, _LF, _CR = 0, 10, 13
"""Octets as ints: ``bytes in bytes`` raises and catches an exception first."""


class Newlines:
    """Converts bare CR and LF to CRLF, however the content is split, and counts them."""

    __slots__ = ("_held", "met_bare", "met_nul")

    def __init__(self) -> None:
        self._held = b""
        self.met_bare = False
        self.met_nul = False

    def convert(self, raw: bytes, *, last: bool) -> bytes:
        """Return ``raw`` with CRLF at every line end; a trailing CR is kept for the next call."""
        if self._held:
            raw, self._held = self._held + raw, b""
        if not last and raw.endswith(b"\r"):
            raw, self._held = raw[:-1], b"\r"
        if _NUL in raw:
            self.met_nul = True
        # Without its CRLFs it must have neither CR nor LF. This is the hot path: a copy of the same
        # length is ten times cheaper than counting and a regular expression.
        rest = raw.replace(b"\r\n", b"  ")
        if _CR not in rest and _LF not in rest:
            return raw
        self.met_bare = True
        return raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


class DataReader:
    """Takes the content after DATA from a buffer, piece by piece."""

    __slots__ = ("_dotted", "_line_start", "_scanned", "is_complete", "newlines")

    def __init__(self, newlines: Newlines | None = None) -> None:
        self.newlines = newlines or Newlines()
        self.is_complete = False
        self._line_start = True
        self._dotted = False
        """A line that begins with a dot was found, so dots must be searched for."""
        self._scanned = 0

    @property
    def is_undotted(self) -> bool:
        """Whether no line so far began with a dot."""
        return not (self._dotted or self.newlines.met_bare)

    def read(self, buffer: bytearray) -> bytes | None:
        """Remove the complete part from ``buffer`` and return it decoded; None if more is needed.

        Sets ``is_complete`` with the last piece; octets after it stay in the buffer.
        """
        if self._line_start and buffer.startswith(b".\r\n"):
            del buffer[:3]
            self.is_complete = True
            return self.newlines.convert(b"", last=True)
        end = buffer.find(b"\r\n.", self._scanned)
        if end >= 0 and not buffer.startswith(b"\r\n", end + 3):
            self._dotted = True
            end = buffer.find(END, end)
        if end >= 0 and buffer.startswith(b"\r\n", end + 3):
            raw = _head(buffer, end + 2)
            del buffer[: end + 5]
            self.is_complete = True
            return self.newlines.convert(self._unstuff(raw), last=True)
        if len(buffer) < WINDOW:
            self._scanned = max(0, len(buffer) - len(END) + 1)
            return None
        cut = len(buffer) - len(END) + 1
        if buffer[cut - 1] == _CR:
            cut -= 1  # keep CRLF together, so that a dot after it is found
        raw = _head(buffer, cut)
        del buffer[:cut]
        self._scanned = 0
        return self.newlines.convert(self._unstuff(raw), last=False)

    def _unstuff(self, raw: bytes) -> bytes:
        """Remove the dot at the beginning of each line (RFC 5321 4.5.2)."""
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
    """Takes the octets of one BDAT from a buffer (RFC 3030 2). They are counted, so dots are not
    special."""

    __slots__ = ("last", "newlines", "remaining")

    def __init__(self, newlines: Newlines, size: int, *, last: bool) -> None:
        self.newlines = newlines
        self.remaining = size
        self.last = last

    @property
    def is_complete(self) -> bool:
        """Whether all announced octets have been received."""
        return self.remaining == 0

    def read(self, buffer: bytearray) -> bytes | None:
        """Remove the octets of the chunk and return them decoded; None if more are needed."""
        if self.remaining > len(buffer) and len(buffer) < WINDOW:
            return None
        raw = _head(buffer, self.remaining)
        del buffer[: self.remaining]
        self.remaining -= len(raw)
        return self.newlines.convert(raw, last=self.last and self.is_complete)
