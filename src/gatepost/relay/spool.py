"""Holds message content between the wire and the store, within one byte budget.

All content in memory counts against the budget. Beyond it, content is written to an unlinked file.
Memory is released once the store has the message.
"""

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from os import SEEK_END
from pathlib import Path
from typing import IO, Final

from gatepost.mime.header_summary import MAX_HEADER
from gatepost.model.body import WINDOW, Body, BytesBody, Traits
from gatepost.model.units import MIB
from gatepost.net.descriptors import Use, is_reserved, no_descriptor

BYTE_BUDGET: Final = 64 * MIB
"""Octets of content in the memory of a relay, over all its processes."""
OVERHEAD: Final = 96
"""Octets that a piece takes besides its content."""
SMALL: Final = 1_024
"""Octets below which a piece is joined to the one before it."""
BLOCK: Final = 65_536
"""Octets up to which small pieces are joined."""
_FILE_BUFFER: Final = 4_096


class Budget:
    """Limits the octets that content takes in the memory of a process."""

    __slots__ = ("directory", "total", "used")

    def __init__(self, directory: Path, total: int = BYTE_BUDGET) -> None:
        self.directory = directory
        """The directory for files with content beyond the budget."""
        self.total = total
        self.used = 0

    def try_take(self, octets: int) -> bool:
        """Reserve room; False if there is not enough."""
        if self.used + octets > self.total:
            return False
        self.used += octets
        return True

    def give_back(self, octets: int) -> None:
        """Release reserved room."""
        self.used -= octets


class Share(Budget):
    """A part of a budget, which is all that some content may take of it."""

    __slots__ = ("_part", "_whole")

    def __init__(self, whole: Budget, part: int) -> None:
        """``part``: 4 for a quarter; the total of the whole may change."""
        super().__init__(whole.directory, 0)
        self._whole, self._part = whole, part

    def try_take(self, octets: int) -> bool:
        """Reserve room; False if the share or the whole has not enough."""
        if self.used + octets > self._whole.total // self._part or not self._whole.try_take(octets):
            return False
        self.used += octets
        return True

    def give_back(self, octets: int) -> None:
        """Release reserved room."""
        self.used -= octets
        self._whole.give_back(octets)


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

    __slots__ = ("_budget", "_file", "_pieces", "_reserved", "size")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._pieces: list[bytes | bytearray] = []
        """The last is a bytearray if small pieces are joined to it."""
        self._file: IO[bytes] | None = None
        self._reserved = 0
        self.size = 0

    def write(self, piece: bytes) -> None:
        """Add a piece; raises OSError if it has no room in memory and cannot be written to disk."""
        if not piece:
            return
        self.size += len(piece)
        if self._file is None:
            if self._try_keep(piece):
                return
            self._spill()
        assert self._file is not None  # noqa: S101  # _spill made it
        self._file.write(piece)

    def _try_keep(self, piece: bytes) -> bool:
        """Keep a piece in memory, if there is room."""
        pieces, octets = self._pieces, len(piece)
        is_small = octets < SMALL and bool(pieces)
        if is_small and isinstance(block := pieces[-1], bytearray) and len(block) < BLOCK:
            if self._try_reserve(octets):
                block += piece
                return True
            return False
        if not self._try_reserve(octets + OVERHEAD):
            return False
        self._end_block()
        pieces.append(bytearray(piece) if is_small else piece)
        return True

    def _end_block(self) -> None:
        """Join nothing more to the last piece: bytes take no more than their content."""
        if self._pieces and isinstance(block := self._pieces[-1], bytearray):
            self._pieces[-1] = bytes(block)

    def _try_reserve(self, octets: int) -> bool:
        if not self._budget.try_take(octets):
            return False
        self._reserved += octets
        return True

    def _spill(self) -> None:
        directory = self._budget.directory
        self._file = file = tempfile.TemporaryFile(buffering=_FILE_BUFFER, dir=directory)  # noqa: SIM115
        if is_reserved(file.fileno(), Use.SERVICE):
            raise no_descriptor()
        for piece in self._pieces:
            self._file.write(piece)
        self._pieces.clear()
        self._give_back()

    @property
    def head(self) -> bytes:
        """The content up to the end of the searched header, or somewhat more.

        Raises OSError as ``write`` does.
        """
        if self._file is not None:
            self._file.seek(0)
            head = self._file.read(MAX_HEADER + 1)
            self._file.seek(0, SEEK_END)
            return head
        if self.size <= MAX_HEADER:
            return b"".join(self._pieces)  # copies nothing if it is one
        size, pieces = 0, list[bytes | bytearray]()
        for piece in self._pieces:
            pieces.append(piece)
            size += len(piece)
            if size > MAX_HEADER:
                break
        return b"".join(pieces)

    def body(self, traits: Traits | None = None) -> Body:
        """Return what was written; its ``traits`` are known."""
        if self._file is not None:
            self._file.flush()
            return FileBody(self._file, self.size, traits)
        self._end_block()
        pieces = tuple(map(bytes, self._pieces))  # copies nothing
        if len(pieces) == 1:
            return BytesBody(pieces[0], traits)
        return PiecesBody(pieces, self.size, traits)

    def release(self) -> None:
        """Release memory and remove the file: the content is stored, or not needed."""
        self._give_back()
        if self._file is not None:
            with suppress(OSError):  # on a full disk flushing fails, too
                self._file.close()

    def _give_back(self) -> None:
        self._budget.give_back(self._reserved)
        self._reserved = 0
