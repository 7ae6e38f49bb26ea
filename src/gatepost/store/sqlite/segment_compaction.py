"""Frees the space of deleted bodies: removes dead segments, and empties sparse ones."""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from gatepost.errors import QueueError, Unreadable
from gatepost.model.units import MIB
from gatepost.store.sqlite.body_writer import BodyWriter
from gatepost.store.sqlite.disk_space import Room
from gatepost.store.sqlite.durable_calls import is_full
from gatepost.store.sqlite.group_writes import Transaction, UpkeepWrite
from gatepost.store.sqlite.message_reader import MessageReader
from gatepost.store.sqlite.queries import QUERIES
from gatepost.store.sqlite.read_thread import ReadThread
from gatepost.store.sqlite.segments import BodyPlace, Segments
from gatepost.store.sqlite.store_thread import Writer

SPARSE: Final = 0.25
"""The live fraction of a segment below which its bodies are moved."""
COPY: Final = 4 * MIB
"""Octets copied between two groups of bodies."""


class SegmentCompactor:
    """Frees the space of dead bodies, one round at a time.

    A round passes through the threads in the same order as a message (bodies, store, reader,
    bodies), so that every body written before it has its row when rows are counted, and a sealed
    segment without rows is dead for good.
    """

    def __init__(
        self,
        segments: Segments,
        room: Room,
        reader: MessageReader,
        reads: ReadThread,
        writer: Writer,
        bodies: BodyWriter,
    ) -> None:
        self._segments, self._room, self._reader = segments, room, reader
        self._reads, self._writer, self._bodies = reads, writer, bodies
        self._running = False
        self._emptied: set[int] = set()

    def start(self) -> None:
        """Begin a round, unless one is running. Called in the store thread."""
        if not self._running:
            self._running = True
            self._bodies.give(self._note)

    def _note(self) -> None:
        segments = self._segments
        try:
            if self._room.refusal and not segments.is_empty:  # its dead bodies are free space, too
                segments.seal()
        except OSError as error:
            self._fail(error)
            return
        try:
            sealed = [each for each in segments.numbers() if each < segments.active]
        except OSError:
            sealed = []
        if sealed:
            self._writer.give(UpkeepWrite(_nothing, lambda _: self._count(sealed)))
        else:
            self._running = False

    def _count(self, sealed: Sequence[int]) -> None:
        def count() -> None:
            try:
                live = self._reader.live_octets()
            except sqlite3.Error:
                self._running = False
                return
            self._bodies.give(lambda: self._collect(sealed, live))

        self._reads.give(count)

    def _collect(self, sealed: Sequence[int], live: dict[int, int]) -> None:
        self._running = False
        with suppress(OSError):  # the next round tries again
            for segment in sealed:
                if segment not in live:
                    self._segments.remove(segment)
                elif segment in self._emptied:
                    continue  # the rest of it is damaged
                elif live[segment] < SPARSE * self._segments.size(segment):
                    self._running = True
                    self._emptied.add(segment)
                    self._find(segment)
                    return

    def _find(self, segment: int) -> None:
        def find() -> None:
            try:
                places = self._reader.live_places(segment)
            except sqlite3.Error:
                self._running = False
                return
            self._bodies.give(lambda: self._copy(places))

        self._reads.give(find)

    def _copy(self, places: Sequence[tuple[int, BodyPlace]]) -> None:
        """Copy some bodies to the end, update their rows, and continue with the rest."""
        moves, copied = [], 0
        try:
            while places and copied < COPY:
                (seq, old), *places = places
                try:
                    new = self._segments.append(self._segments.open(old))
                except (Unreadable, FileNotFoundError):
                    continue  # damaged, or deleted meanwhile: it is not moved
                moves.append((new.segment, new.offset, seq, old.segment, old.offset))
                copied += old.size
            self._segments.sync()
        except OSError as error:
            self._fail(error)
            return
        self._writer.give(
            UpkeepWrite(lambda each: _move(each, moves), lambda _: self._go_on(places))
        )

    def _fail(self, error: OSError) -> None:
        """Ignore missing space: a later round may find some."""
        self._running = False
        if not is_full(error):
            self._writer.fail(QueueError(f"a segment cannot be written: {error.strerror or error}"))
            return
        self._emptied.clear()
        with suppress(OSError):
            self._segments.cut()

    def _go_on(self, places: Sequence[tuple[int, BodyPlace]]) -> None:
        if places:
            self._bodies.give(lambda: self._copy(places))
        else:
            self._running = False


def _nothing(_transaction: Transaction) -> None:
    """Do nothing; used to wait for earlier operations."""


def _move(transaction: Transaction, moves: Sequence[tuple[int, int, int, int, int]]) -> None:
    transaction.connection.executemany(QUERIES["move_body"], moves)
    transaction.connection.executemany(QUERIES["move_queued_body"], moves)
    transaction.ledger.pages += len(moves)
