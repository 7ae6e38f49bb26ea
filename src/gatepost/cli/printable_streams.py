"""Standard output and standard error that print nothing unprintable, whatever is written.

Texts of servers, files and clients reach them in many ways: in results, JSON documents and errors.
"""

import io
import sys
from typing import TextIO

from gatepost.model.unprintable import escape_unprintable


class _PrintableStream(io.TextIOWrapper):
    """Writes to the same place as another stream."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        super().__init__(
            stream.buffer,
            encoding=stream.encoding,
            errors=stream.errors,
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )

    def write(self, text: str, /) -> int:
        """Write the text with escapes; return its length."""
        self.write_unescaped(escape_unprintable(text))
        return len(text)

    def write_unescaped(self, text: str) -> None:
        """Write the text as it is."""
        super().write(text)


def guard_streams() -> None:
    """Replace standard output and standard error by such streams; one that is closed stays so."""
    sys.stdout, sys.stderr = _guarded(sys.stdout), _guarded(sys.stderr)


def _guarded(stream: TextIO) -> TextIO:
    # What replaced a stream before, such as a test, closes it itself.
    return _PrintableStream(stream) if type(stream) is io.TextIOWrapper else stream


def write_unescaped(text: str) -> None:
    """Write to standard output what is for a program, or was escaped before it was styled."""
    stream = sys.stdout
    write = stream.write_unescaped if isinstance(stream, _PrintableStream) else stream.write
    write(text)
