"""What one of the nodes does by itself: it deletes what is old, drops tables of contents that
nobody needs, repairs the hints of next hops, and ends migrations."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

import psycopg

from gatepost.errors import QueueError
from gatepost.model.units import MIB
from gatepost.queue.notes_contract import EXPIRED
from gatepost.store.postgres.arrays import numbers, texts
from gatepost.store.postgres.connections import Connection
from gatepost.store.postgres.deliveries import forget_settled
from gatepost.store.postgres.fenced_writer import FencedWriter
from gatepost.store.postgres.message_reader import first
from gatepost.store.postgres.migrations import contract
from gatepost.store.postgres.notes import expire_notes
from gatepost.store.postgres.segments import Kind, SegmentTables, table_of
from gatepost.store.postgres.settings import PostgresSettings
from gatepost.store.postgres.statements import SQL
from gatepost.store.retention_limits import OPERATIONS_KEPT, Retention
from gatepost.store.stored_values import MICROSECOND

BATCH: Final = 256
"""Messages deleted in one transaction."""
ROUND: Final = 5.0
"""Seconds between two rounds."""
SEGMENTS: Final = 60.0
"""Seconds between two looks at the segments."""
HINTS: Final = 30.0
"""Seconds between two repairs of hints."""
MOVED: Final = 64 * MIB
"""The most that is moved out of a segment: readers of it wait meanwhile."""
_TABLES: Final[Mapping[Kind, tuple[str, str]]] = {
    "captured": ("captured", "true"),
    "queued": ("message", "t.settled IS NULL"),
}
"""The table of the messages of a kind, and the condition for those whose content is needed."""


class Upkeep:
    """The rounds of upkeep, in a thread of their own. ``is_keeper`` tells whether they are ours."""

    def __init__(
        self,
        settings: PostgresSettings,
        writer: FencedWriter,
        segments: SegmentTables,
        is_keeper: Callable[[], bool],
    ) -> None:
        self._settings, self._writer, self._segments = settings, writer, segments
        self._is_keeper = is_keeper
        now = time.monotonic()
        self._retained = self._looked = self._repaired = now

    def round(self) -> float:
        """Do what is due; return the seconds to the next round."""
        if self._is_keeper():
            with suppress(QueueError):  # whoever needs the database says that it is away
                self._keep_up(time.monotonic())
        return ROUND

    def _keep_up(self, now: float) -> None:
        if now - self._retained >= self._settings.upkeep:
            self._retained = now
            self.expire()
            with suppress(QueueError):  # somebody reads a table: later
                self._writer.change(contract, 0)
        if now - self._repaired >= HINTS:
            self._repaired = now
            self.repair_hops()
        if now - self._looked >= SEGMENTS:
            self._looked = now
            self.drop_segments()

    def repair_hops(self) -> None:
        """Correct the hints of next hops, and delete what nodes do not need any more."""
        self._writer.change(lambda each: each.execute(SQL["repair_hops"]).rowcount)
        for statement in ("forget_questions", "forget_pauses", "forget_rates", "forget_failures"):
            self._writer.change(partial(_execute, statement=statement))

    def expire(self) -> None:
        """Delete what is too old, or too much."""
        change, settings = self._writer.change, self._settings
        now = time.time_ns() // 1000
        while change(lambda each: expire_captured(each, settings.retention, now)) == BATCH:
            pass
        change(lambda each: expire_operations(each, now))
        while change(lambda each: expire_notes(each, now)) >= EXPIRED:
            pass
        history = settings.history
        before = now - history.age // MICROSECOND
        while change(lambda each: _expire_settled(each, before, history.messages)) == BATCH:
            pass

    def drop_segments(self) -> None:
        """Drop the segments that are not written any more, once little of them is needed."""
        epoch = (self._segments.epoch(),)
        rows = self._writer.change(lambda each: each.execute(SQL["segments"], epoch).fetchall())
        closed = [(n, kind) for n, kind in rows if self._segments.try_close(n)]
        if not closed:
            return
        live = self._writer.change(_live_octets)
        for number, kind in closed:
            octets = live.get(number, 0)
            if octets > MOVED:
                continue
            try:
                self._move(number, kind, octets)
            except QueueError as error:
                if isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
                    continue  # somebody, such as a backup, reads it: later
                raise

    def _move(self, number: int, kind: Kind, octets: int) -> None:
        """Drop a segment, once what is needed of it, which is little, is in the open one."""
        change, epoch = self._writer.change, self._segments.epoch()
        if not octets and change(lambda each: try_drop(each, number, epoch), 0):
            return
        with self._segments.writing(change, kind, octets) as target:
            change(lambda each: move_contents(each, number, kind, target, epoch), 0)


def expire_captured(connection: Connection, retention: Retention, now: int) -> int:
    """Delete a batch of messages that are too old at `now` (microseconds); return how many."""
    messages, octets = first(connection, "count_captured")
    oldest = now - retention.age // MICROSECOND
    expired: list[int] = []
    for seq, received_at, size in connection.execute(SQL["oldest_captured"]).fetchall():
        if messages <= retention.messages and octets <= retention.octets and received_at >= oldest:
            break
        expired.append(seq)
        messages, octets = messages - 1, octets - size
    return delete_captured(connection, expired)


def expire_operations(connection: Connection, now: int) -> None:
    """Delete operations that are too old at `now` (microseconds)."""
    connection.execute(SQL["expire_operations"], (now - OPERATIONS_KEPT // MICROSECOND,))


def delete_captured(connection: Connection, seqs: Sequence[int]) -> int:
    """Delete captured messages; return how many existed. Their contents go with their segment."""
    if not seqs:
        return 0
    keys = numbers(seqs)
    with connection.pipeline():
        connection.execute(SQL["keep_departed"], (keys,))
        connection.execute(SQL["delete_records_of_captured"], (keys,))
        deleted = connection.execute(SQL["delete_captured"], (keys,))
        connection.execute(SQL["delete_entries"], (keys,))
        connection.execute(SQL["delete_contents"], (keys,))
    return deleted.rowcount


def delete_ids(connection: Connection, ids: Sequence[str]) -> int:
    """Delete the messages with these ids, if they exist; return how many."""
    rows = connection.execute(SQL["captured_seqs"], (texts(ids),)).fetchall()
    return delete_captured(connection, [seq for (seq,) in rows])


def delete_oldest(connection: Connection, up_to: int) -> int:
    """Delete a batch of the oldest messages up to the seq `up_to`; return how many."""
    rows = connection.execute(SQL["oldest_seqs"], (up_to,)).fetchall()
    return delete_captured(connection, [seq for (seq,) in rows])


def try_drop(connection: Connection, segment: int, epoch: int) -> bool:
    """Drop a segment of which nothing is needed; tell whether that is so."""
    if not _is_locked(connection, segment, epoch):
        return True
    (is_needed,) = first(connection, "has_live", segment, segment)
    if not is_needed:
        _drop(connection, segment)
    return not is_needed


def move_contents(
    connection: Connection, segment: int, kind: Kind, target: int, epoch: int
) -> None:
    """Move the contents that are still needed to another segment, and drop the table."""
    if not _is_locked(connection, segment, epoch):
        return
    messages, condition = _TABLES[kind]
    old, new = table_of(segment), table_of(target)
    connection.execute(
        f"INSERT INTO {new} (message, n, content) SELECT b.message, b.n, b.content"  # noqa: S608
        f" FROM {messages} AS t JOIN {old} AS b ON b.message = t.key"
        f" WHERE t.segment = %s AND {condition} ON CONFLICT DO NOTHING",
        (segment,),
        prepare=False,
    )
    connection.execute(
        f"UPDATE {messages} AS t SET segment = %s WHERE t.segment = %s AND {condition}",  # noqa: S608
        (target, segment),
        prepare=False,
    )
    _drop(connection, segment)


def _is_locked(connection: Connection, segment: int, epoch: int) -> bool:
    """Close a segment, and lock its table against readers and writers; False if another node uses
    it, or it is gone."""
    connection.execute("SET LOCAL lock_timeout = '2s'", prepare=False)
    if connection.execute(SQL["close_segment"], (segment, epoch)).fetchone() is None:
        return False
    lock = f"LOCK TABLE {table_of(segment)} IN ACCESS EXCLUSIVE MODE"
    connection.execute(lock, prepare=False)
    return True


def _execute(connection: Connection, statement: str) -> None:
    connection.execute(SQL[statement])


def _live_octets(connection: Connection) -> dict[int, int]:
    return dict(connection.execute(SQL["live_segments"]).fetchall())


def _drop(connection: Connection, segment: int) -> None:
    connection.execute(f"DROP TABLE IF EXISTS {table_of(segment)}", prepare=False)
    connection.execute(SQL["delete_segment"], (segment,))


def _expire_settled(connection: Connection, before: int, keep: int) -> int:
    """Delete a batch of settled messages that are too old, or beyond the newest ``keep``."""
    row = connection.execute(SQL["settled_beyond"], (keep,)).fetchone()
    return forget_settled(connection, before if row is None else max(before, row[0] + 1))
