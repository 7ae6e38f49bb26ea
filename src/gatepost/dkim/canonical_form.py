"""The forms of a header field and of a body that are signed (RFC 6376 3.4)."""

import hashlib
import re
from typing import Final, Literal

Form = Literal["simple", "relaxed"]
FORMS: Final[tuple[Form, ...]] = ("simple", "relaxed")
_BLANKS: Final = re.compile(rb"[ \t]+")
_LINE_ENDS: Final = re.compile(rb"(?:\n\r)*")
"""Those at the end of an octet string that is read backwards."""
_CRLF: Final = b"\r\n"
_AT_ONCE: Final = 4096
"""Empty lines that are hashed at a time."""


def relax_field(name: bytes, value: bytes) -> bytes:
    """Return a field in the form "relaxed", without its line end (RFC 6376 3.4.2).

    ``name`` is in lower case, ``value`` what follows the colon.
    """
    return name + b":" + _join_blanks(value.replace(_CRLF, b"")).strip(b" ")


def _join_blanks(octets: bytes) -> bytes:
    """Return octets with each run of blanks as one space; most contents have none to join."""
    if b"\t" in octets or b"  " in octets:
        return _BLANKS.sub(b" ", octets)
    return octets


class BodyHash:
    """The SHA-256 of a body in one form (RFC 6376 3.4.3, 3.4.4), which comes in chunks.

    Keeps no content but the blank or CR that the next chunk may need, and the number of line ends
    that may be the last ones.
    """

    def __init__(self, form: Form) -> None:
        self._is_relaxed = form == "relaxed"
        self._hash = hashlib.sha256()
        self._rest = b""
        self._line_ends = 0
        self._is_empty = True

    def add(self, chunk: bytes) -> None:
        """Take the next octets."""
        octets = self._rest + chunk
        end = len(octets) - octets.endswith(b"\r")
        whole, self._rest = octets[:end], octets[end:]
        if self._is_relaxed:
            joined = _join_blanks(whole).replace(b" \r\n", _CRLF)
            whole = joined.removesuffix(b" ")  # which may end a line
            self._rest = joined[len(whole) :] + self._rest
        self._take(whole)

    def _take(self, octets: bytes) -> None:
        tail = octets[len(octets.rstrip(_CRLF)) :]
        found = _LINE_ENDS.match(tail[::-1])
        ends = 0 if found is None else found.end() // 2
        text = octets[: len(octets) - 2 * ends] if ends else octets
        if text:
            self._pass_line_ends()
            self._hash.update(text)
            self._is_empty = False
        self._line_ends += ends

    def _pass_line_ends(self) -> None:
        while self._line_ends:
            some = min(self._line_ends, _AT_ONCE)
            self._hash.update(_CRLF * some)
            self._line_ends -= some

    def digest(self) -> bytes:
        """Return the hash; nothing can be added any more."""
        if self._rest or not (self._is_empty or self._line_ends):
            self.add(_CRLF)  # the last line has no end
        if not (self._is_empty and self._is_relaxed):
            self._hash.update(_CRLF)
        return self._hash.digest()
