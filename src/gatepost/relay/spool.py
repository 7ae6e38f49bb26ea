"""Holds message content between the wire and the store, within one byte budget.

All content in memory counts against the budget. Beyond it, content is written to an unlinked file.
Memory is released once the store has the message.
"""

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from gatepost.mime.header import MAX_HEADER
from gatepost.mime.trace import MAX_HOPS, count_hops
from gatepost.model.body import WINDOW, Body, BytesBody, Traits

MIB: Final = 1024 * 1024


BYTE_BUDGET: Final = 64 * MIB
"""Octets of content in the memory of a relay, over all its processes."""


class Budget:
    """Limits the octets of content in the memory of a process."""

    __slots__ = ("directory", "total", "used")

    def __init__(self, directory: Path, total: int = BYTE_BUDGET) -> None:
        self.directory = directory
        """The directory for files with content beyond the budget."""
        self.total = total
        self.used = 0

    def take(self, octets: int) -> bool:
        """Reserve room; False if there is not enough."""
        if self.used + octets > self.total:
            return False
        self.used += octets
        return True

    def give_back(self, octets: int) -> None:
        """Release reserved room."""
        self.used -= octets


@dataclass(frozen=True, slots=True)
class PiecesBody:
    """Content in memory, in the pieces in which it was received."""

    pieces: tuple[bytes, ...]
    size: int
    traits: Traits | None = field(default=None, compare=False)

    def chunks(self) -> Iterator[bytes]:
        """Yield the pieces."""
        for piece in self.pieces:
            yield from BytesBody(piece).chunks()


@dataclass(frozen=True, slots=True)
class FileBody:
    """Content in an unlinked file, readable until its spool is released."""

    file: IO[bytes]
    size: int
    traits: Traits | None = field(default=None, compare=False)

    def chunks(self) -> Iterator[bytes]:
        """Yield the content from its start."""
        self.file.seek(0)
        while chunk := self.file.read(WINDOW):
            yield chunk


class Spool:
    """The content of one message as it arrives."""

    __slots__ = ("_budget", "_file", "_pieces", "_reserved", "head", "size")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._pieces: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._reserved = 0
        self.head: bytes | bytearray = b""
        """The content up to the end of the searched header, or somewhat more."""
        self.size = 0

    def write(self, piece: bytes) -> None:
        """Add a piece; raises OSError if it has no room in memory and cannot be written to disk."""
        if not piece:
            return
        if not self.head:
            self.head = piece
        elif len(self.head) < MAX_HEADER:
            self.head = bytearray(self.head) if isinstance(self.head, bytes) else self.head
            self.head += piece[: MAX_HEADER + 1 - len(self.head)]
        self.size += len(piece)
        if self._file is None and self._budget.take(len(piece)):
            self._reserved += len(piece)
            self._pieces.append(piece)
            return
        if self._file is None:
            self._spill()
        assert self._file is not None  # noqa: S101  # _spill made it
        self._file.write(piece)

    def _spill(self) -> None:
        self._file = tempfile.TemporaryFile(dir=self._budget.directory)  # noqa: SIM115 - kept
        for piece in self._pieces:
            self._file.write(piece)
        self._pieces.clear()
        self._give_back()

    @property
    def loops(self) -> bool:
        """Whether its Received fields show that it loops (RFC 5321 6.3)."""
        return count_hops(self.head) > MAX_HOPS

    def body(self, traits: Traits | None = None) -> Body:
        """Return what was written; its ``traits`` are known."""
        if self._file is not None:
            self._file.flush()
            return FileBody(self._file, self.size, traits)
        if len(self._pieces) == 1:
            return BytesBody(self._pieces[0], traits)
        return PiecesBody(tuple(self._pieces), self.size, traits)

    def release(self) -> None:
        """Release memory and remove the file: the content is stored, or not needed."""
        self._give_back()
        if self._file is not None:
            with suppress(OSError):  # on a full disk flushing fails, too
                self._file.close()

    def _give_back(self) -> None:
        self._budget.give_back(self._reserved)
        self._reserved = 0
