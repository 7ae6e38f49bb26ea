"""A log that grows: read by its name, over rotation, truncation and creation later."""

import codecs
import os
import queue
import stat
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import IO, Final, Protocol

from gatepost.errors import ConfigError

PIECE: Final = 64 * 1024
"""Octets that are read at once."""
MAX_LINE: Final = 8 * 1024
"""Characters of a line that are kept; the rest is skipped."""
_FLAGS: Final = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
"""What has the name may be a pipe without a writer."""
_NO_FILE: Final = "it is not a file"
_PIECES: Final = 16
"""Pieces of a pipe that wait to be read; then its writer waits."""


class FollowedLog(Protocol):
    """A source of lines."""

    name: str
    has_ended: bool
    """Nothing more can come."""
    problem: str
    """Why it cannot be read now, or empty."""

    def read_lines(self) -> Iterator[list[str]]:
        """Yield what there is to read now, in pieces; never wait."""
        ...

    def end_line(self) -> list[str]:
        """Return the line without an end, if there is one: nothing was added to it for a while."""
        ...


class LineSplitter:
    """Divides octets into lines, whatever they contain, in bounded memory."""

    def __init__(self, encoding: str = "utf-8") -> None:
        errors = "backslashreplace" if encoding == "utf-8" else "replace"
        self._decoder = codecs.getincrementaldecoder(encoding)(errors)
        self._rest = ""
        self._is_too_long = False

    def split(self, octets: bytes) -> list[str]:
        """Return the complete lines, shortened to MAX_LINE, without their ends."""
        text = self._decoder.decode(octets)
        first, *others = text.replace("\r\n", "\n").replace("\0", "").split("\n")
        lines = [self._extended(first)]
        if not others:
            self._rest = lines[0]
            return []
        self._is_too_long = False
        *whole, last = others
        lines += [line[:MAX_LINE] for line in whole]
        self._rest = ""
        self._rest = self._extended(last)
        return [line.rstrip("\r") for line in lines]

    def end(self) -> list[str]:
        """Return the incomplete line, and forget it."""
        rest, self._rest, self._is_too_long = self._rest, "", False
        return [rest.rstrip("\r")] if rest else []

    def _extended(self, text: str) -> str:
        if self._is_too_long:
            return self._rest
        line = self._rest + text
        self._is_too_long = len(line) > MAX_LINE
        return line[:MAX_LINE]


class FollowedFile:
    """A file with a name. What is there at the start is skipped, unless ``from_start``.

    Raises ConfigError if there is something else, such as a directory.
    """

    def __init__(self, path: Path, *, from_start: bool = False) -> None:
        self.name, self.problem = str(path), ""
        self.has_ended = False
        self._path = path
        self._file: IO[bytes] | None = None
        self._splitter = LineSplitter()
        self._open()
        if self.problem == _NO_FILE:
            raise ConfigError(f"{path} is not a file (a pipe can be standard input: -)")
        if not from_start:
            self._skip()

    def read_lines(self) -> Iterator[list[str]]:
        while True:
            while piece := self._read():
                yield self._splitter.split(piece)
            if self._file is not None and not self._is_replaced(self._file):
                return
            if self._file is not None:
                while piece := self._read():  # written before the name was given to another file
                    yield self._splitter.split(piece)
                yield self._splitter.end()
                self.close()
            self._open()
            if self._file is None:
                return

    def end_line(self) -> list[str]:
        return self._splitter.end()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> None:
        """Open what has the name now, if anything has."""
        try:
            descriptor = os.open(self._path, _FLAGS)
        except OSError as error:
            self.problem = error.strerror or str(error)
            return
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            self.problem = _NO_FILE
            return
        self.problem = ""
        self._file = os.fdopen(descriptor, "rb", buffering=0)
        self._splitter = LineSplitter(_encoding_of(self._file))

    def _skip(self) -> None:
        if self._file is not None:
            self._file.seek(0, os.SEEK_END)

    def _read(self) -> bytes:
        if self._file is None:
            return b""
        if os.fstat(self._file.fileno()).st_size < self._file.tell():  # it was truncated
            self._file.seek(0)
            self._splitter = LineSplitter(_encoding_of(self._file))
        try:
            return self._file.read(PIECE)
        except OSError as error:  # such as a file server that is gone
            self.problem = error.strerror or str(error)
            self.close()
            return b""

    def _is_replaced(self, file: IO[bytes]) -> bool:
        """Tell whether another file has the name now."""
        try:
            there = self._path.stat()
        except OSError:
            return False  # it was renamed, and the program still writes to it
        ours = os.fstat(file.fileno())
        return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino)


def _encoding_of(file: IO[bytes]) -> str:
    """Return the encoding that a file begins with; what PowerShell's > writes has a mark."""
    position = file.tell()
    file.seek(0)
    mark = file.read(2)
    file.seek(position)
    return {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(mark, "utf-8")


class FollowedPipe:
    """Standard input, up to its end."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self.name, self.problem = "-", ""
        self.has_ended = False
        self._splitter = LineSplitter()
        self._pieces: queue.Queue[bytes] = queue.Queue(_PIECES)
        Thread(target=self._fill, args=(pipe,), daemon=True).start()

    def read_lines(self) -> Iterator[list[str]]:
        while not self.has_ended:
            try:
                piece = self._pieces.get_nowait()
            except queue.Empty:
                return
            if piece:
                yield self._splitter.split(piece)
            else:
                self.has_ended = True
                yield self._splitter.end()

    def end_line(self) -> list[str]:
        return self._splitter.end()

    def _fill(self, pipe: IO[bytes]) -> None:
        try:
            while piece := os.read(pipe.fileno(), PIECE):
                self._pieces.put(piece)
        except OSError:
            pass
        self._pieces.put(b"")
