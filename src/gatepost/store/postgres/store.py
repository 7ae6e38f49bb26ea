"""The store on PostgreSQL. Its threads wait for the database, so that event loops need not."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count, islice
from typing import TYPE_CHECKING, Any, Final

import psycopg

from gatepost.errors import QueueError, QueueFull
from gatepost.model.body import Body
from gatepost.model.message import StoredMessage, Submission
from gatepost.model.send_operation import SendOperation
from gatepost.queue.message_selection import captured
from gatepost.queue.store_contract import Selection
from gatepost.store.future_results import report_results
from gatepost.store.lock import DirectoryLock
from gatepost.store.message_waiters import Waiters
from gatepost.store.postgres import health, message_inserter, settlements
from gatepost.store.postgres import message_reader as reads
from gatepost.store.postgres.activity import Activity
from gatepost.store.postgres.arrays import texts
from gatepost.store.postgres.beats import Beats, BeatThread, Watchers
from gatepost.store.postgres.changes import ChangeThread, DatabaseChanges, Job
from gatepost.store.postgres.clock_difference import ClockDifference
from gatepost.store.postgres.cluster import PostgresCluster
from gatepost.store.postgres.connections import ANSWER, Connection, Connector
from gatepost.store.postgres.deliveries import PostgresDeliveries
from gatepost.store.postgres.fenced_writer import FencedWriter
from gatepost.store.postgres.health import DatabaseHealth, ReportFacts
from gatepost.store.postgres.helped_thread import HelpedThread
from gatepost.store.postgres.lease_times import LeaseTimes
from gatepost.store.postgres.lost_leases import LostLeases, give_back_soon
from gatepost.store.postgres.mailbox import PostgresMailbox
from gatepost.store.postgres.message_inserter import MessageInserter
from gatepost.store.postgres.message_rows import is_storable
from gatepost.store.postgres.new_messages import CapturedTable, NewMessage, QueueTable
from gatepost.store.postgres.node import Fenced, Node, next_epoch
from gatepost.store.postgres.notes import PostgresNotes
from gatepost.store.postgres.operations import PostgresOperations
from gatepost.store.postgres.queue_writer import QueueWriter
from gatepost.store.postgres.readers import TIMEOUT, Readers
from gatepost.store.postgres.reports import PostgresReports
from gatepost.store.postgres.segments import SegmentTables
from gatepost.store.postgres.settings import PostgresSettings
from gatepost.store.postgres.settlements import SettlementJob, SettlementWriter
from gatepost.store.postgres.statements import SQL
from gatepost.store.postgres.thread_connection import ThreadConnection
from gatepost.store.postgres.upkeep import BATCH, ROUND, Upkeep, delete_ids, delete_oldest
from gatepost.store.postgres.worker_threads import WorkerThreads

if TYPE_CHECKING:
    from gatepost.directory.contract import Record

OWN_WRITERS: Final = 4
"""Connections that write besides those for new mail: changes, settlements, upkeep, beats."""
LAST: Final = 1.0
"""Seconds for which a node that leaves gives back what it had leased."""
FULL: Final = 5.0
"""Seconds without new mail after the database had no room."""


@dataclass(frozen=True, slots=True)
class OpenedDatabase:
    """What ``opening`` has made; ``session`` is connected, and ``node`` is registered."""

    settings: PostgresSettings
    connector: Connector
    session: ThreadConnection
    node: Node
    lock: DirectoryLock


class PostgresStore:
    """Implements ``Store`` and ``Records``; see ``open_store``.

    Not bound to an event loop: futures belong to the loop that runs where a method is called.
    """

    recovered = begun = older = ""
    """Nothing is repaired here when it is opened."""

    def __init__(
        self,
        opened: OpenedDatabase,
        on_failure: Callable[[QueueError], None],
        report: ReportFacts,
    ) -> None:
        self._opened, self._on_failure, self._report_facts = opened, on_failure, report
        settings, node = opened.settings, opened.node
        self._reach = opened.session.reach
        self._failure: QueueError | None = None
        self._closed = False
        self._full_until = 0.0
        self._waiters = Waiters()
        self._watchers: dict[str, Callable[[], None]] = {}
        self._underway: set[str] = set()
        """The ids of messages that are being queued: two threads may have the same one."""
        self._activity = Activity(settings.clock)
        self._lease_times = LeaseTimes(settings.clock)
        self._segments = SegmentTables(lambda: node.epoch, settings.segment)
        self._key = partial(next, count((node.epoch << 32) + 1))
        self._sessions = [opened.session]
        upkeep = FencedWriter(opened.session, node, 1, self._note_fenced, may_be_slow=True)
        *inserting, changing, settling, beating = [
            self._writer(number, self._session())
            for number in range(2, settings.writers + OWN_WRITERS + 1)
        ]

        queue, captured_mail = QueueTable(), CapturedTable()
        inserters = [
            MessageInserter(queue, each, self._segments, self._report_queued) for each in inserting
        ]
        self._last = changing.session
        """Its connection is used at the end, when no thread does."""
        changer = ChangeThread(
            changing,
            MessageInserter(captured_mail, changing, self._segments, self._report_captured),
        )
        settler = SettlementWriter(
            settling, self._segments, self._key, self._activity.count_settled
        )
        self._inserting = HelpedThread[NewMessage](
            "inserter", [each.write for each in inserters], message_inserter.GROUP, self._fault,
            [each.take_back for each in inserters],
        )  # fmt: skip
        self._changing = WorkerThreads[Job](
            "changer", [changer.work], message_inserter.GROUP, self._fault
        )
        self._settling = WorkerThreads[SettlementJob](
            "settler", [settler.write], settlements.GROUP, self._fault
        )
        self._read = self._readers("reader", settings.readers)
        self._search = self._readers("mailbox", 1)
        self._make_parts(node)
        self._start_rounds(upkeep, beating)

    def _start_rounds(self, upkeep: FencedWriter, beating: FencedWriter) -> None:
        settings, cluster = self._opened.settings, self.cluster
        self._upkeep = Upkeep(settings, upkeep, self._segments, lambda: cluster.is_keeper)
        self._keeping_up = WorkerThreads[None](
            "upkeep", [_nothing], 1, self._fault, [self._upkeep.round]
        )
        clock = ClockDifference(settings.now, self._report_facts)
        watchers = Watchers(
            cluster.announce_renewal, self._lost.give_back, self._note_older, clock.check,
            cluster.note_look, self._fail,
        )  # fmt: skip
        self._beats = Beats(settings, self._opened.node, beating, watchers, self._status)
        self.beat = self._beats.round
        """Does what the thread of the beats does each second."""
        self._beating = BeatThread(self.beat, beating.session, self._fault)
        self._health = DatabaseHealth(
            self._add(self._opened.connector.connect), self._report_facts,
            lambda: cluster.is_keeper, self._lease_times,
        )  # fmt: skip
        self._caring = WorkerThreads[None](
            "health", [_nothing], 1, self._fault, [self._health.round]
        )
        self._caring.start(health.ROUND)
        self._keeping_up.start(min(ROUND, settings.upkeep))
        if settings.beat:
            self._beating.start()

    def _make_parts(self, node: Node) -> None:
        self._change = change = DatabaseChanges(self._changing.give, self._broken)
        self.cluster = PostgresCluster(
            self._opened.settings, node, change, self._read, self._lease_times
        )
        self._bodies = reads.BodyReader(self._read)
        self.reports = PostgresReports(change, self._read, partial(self._watch, "reports"))
        self.notes = PostgresNotes(change, self._read)
        self.mailbox = PostgresMailbox(change, self._search, partial(self._watch, "mailbox"))
        self._lost = LostLeases(self._changing.give, self.cluster.announce_takeover)
        self.deliveries = PostgresDeliveries(
            QueueWriter(node, self._lease_times),
            self._queue,
            change,
            self._settle,
            self._read,
            self._lost,
        )
        self.operations = PostgresOperations(self._put, self.deliveries.put_with, self._read)

    @property
    def has_failed(self) -> bool:
        """True if the store has failed, and will not write again."""
        return self._failure is not None

    @property
    def refusal(self) -> str:
        if self._opened.node.is_fenced:
            return "other nodes took this one for dead; it begins anew"
        if time.monotonic() < self._full_until:
            return "the disk of the database is full"
        return self._reach.refusal

    def _status(self) -> dict[str, Any]:
        """Return what this node says of itself."""
        p99 = self._lease_times.p99
        leases = None if p99 is None else round(p99 * 1000, 1)
        return {**self.cluster.facts(), **self._activity.per_minute(), "lease_ms": leases}

    def keep_reserve(self) -> None:
        """Do nothing: the disk is the database's."""

    def connect(self) -> Connection:
        """Return a connection to the database, for the owner's own use. Raises QueueError."""
        return self._opened.connector.connect()

    def close(self) -> None:
        """Commit everything that was given, and leave the store; blocks until this is done."""
        if self._closed:
            return
        self._closed = True
        self._reach.is_closing.set()
        self._beating.stop()
        for session in (self._health.session, self._opened.session):
            session.abort()  # upkeep may wait for long
        for threads in (
            self._inserting, self._settling, self._keeping_up, self._changing, self._caring
        ):  # fmt: skip
            threads.stop()
        self._read.stop()
        self._search.stop()
        with suppress(QueueError, psycopg.Error):  # otherwise other nodes find that we are dead
            self._leave(self._last.connection())
        for session in self._sessions:
            session.close()
        self._opened.lock.release()

    def _leave(self, connection: Connection) -> None:
        self._opened.node.leave(connection)
        if not self._opened.settings.is_visitor:
            give_back_soon(connection, LAST)

    # Captured mail.

    def put(self, submission: Submission) -> asyncio.Future[None]:
        return self._put(submission, None)

    def _put(self, submission: Submission, operation: SendOperation | None) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if refused := self._refused():
            future.set_exception(refused)
        else:
            self._changing.give(NewMessage(future, submission, self._key(), operation))
        return future

    async def new_epoch(self) -> int:
        return await self._change(next_epoch)

    async def delete(self, ids: Iterable[str] | None) -> int:
        deleted = 0
        if ids is None:
            newest = await self.mailbox.newest()
            while batch := await self._change(delete_oldest, newest):
                deleted += batch
            return deleted
        wanted = iter(dict.fromkeys(ids))
        while some := [each for each in islice(wanted, BATCH) if is_storable(each)]:
            deleted += await self._change(delete_ids, some)
        return deleted

    async def count(self) -> int:
        return await self._read(reads.count_captured)

    async def list(self, selection: Selection = Selection()) -> Sequence[StoredMessage]:  # noqa: B008
        return await self._read(reads.list_captured, selection)

    async def get(self, id: str) -> StoredMessage:
        return await self._read(reads.get_captured, id)

    async def trace(self, id: str) -> bytes:
        return await self._read(reads.trace_of, id)

    async def body(self, id: str) -> Body:
        return await self._read(self._bodies.captured, id)

    async def wait(self, selection: Selection, timeout: float) -> StoredMessage | None:
        return await self._waiters.wait(selection, timeout, self.list)

    # The directory's objects.

    async def load_records(self) -> "Sequence[Record]":
        return await self._read(reads.load_records)

    async def save_records(
        self, put: "Iterable[Record]", delete: Iterable[tuple[str, str]] = ()
    ) -> None:
        rows = [(each.kind, each.id, json.dumps(each.fields)) for each in put]
        await self._change(_save_records, rows, tuple(delete))
        await self.cluster.announce_records()

    # How operations reach their threads.

    def _queue(
        self, submission: Submission, operation: SendOperation | None, **other: Any
    ) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        refused = self._refused()
        if submission.id in self._underway:
            refused = QueueError(f"message {submission.id} is already there")
        if refused:
            future.set_exception(refused)
        else:
            self._underway.add(submission.id)
            self._inserting.give(NewMessage(future, submission, self._key(), operation, **other))
        return future

    def _settle(self, settle: SettlementJob) -> None:
        if broken := self._broken():
            settle.future.set_exception(broken)
        else:
            self._settling.give(settle)

    def _broken(self) -> QueueError | None:
        if self._closed:
            return QueueError("the store is closed")
        return QueueError(str(self._failure)) if self._failure is not None else None

    def _refused(self) -> QueueError | None:
        if broken := self._broken():
            return broken
        return QueueFull(self.refusal) if self.refusal else None

    # What the threads report.

    def _report_queued(self, results: Sequence[tuple[NewMessage, Any]]) -> None:
        self._underway.difference_update([put.submission.id for put, _ in results])
        self._report(results)

    def _report_captured(self, results: Sequence[tuple[NewMessage, Any]]) -> None:
        self._report(results)
        stored = [put.submission for put, result in results if result is None]
        if stored:
            for watcher in tuple(self._watchers.values()):
                watcher()
        if self._waiters:
            self._waiters.announce(map(captured, stored))

    def _report(self, results: Sequence[tuple[NewMessage, Any]]) -> None:
        failed = [result for _, result in results if isinstance(result, Exception)]
        self._activity.count_accepted(len(results) - len(failed))
        if any(isinstance(each, QueueFull) for each in failed):
            self._full_until = time.monotonic() + FULL
        report_results((put.future, result) for put, result in results if put.future is not None)

    def _watch(self, name: str, on_commit: Callable[[], None] | None) -> None:
        watchers = {each: call for each, call in self._watchers.items() if each != name}
        self._watchers = watchers if on_commit is None else {**watchers, name: on_commit}

    def _note_fenced(self, _error: Fenced) -> None:
        """Accept nothing until there is a new epoch. For any thread."""
        self._opened.node.is_fenced = True
        self._beating.wake()

    def _note_older(self) -> None:
        reason = "the database is an older copy, or has lost what it had committed"
        self._report_facts("store_older", {"reason": reason})

    def _fail(self, error: QueueError) -> None:
        """Stop for good. For any thread."""
        if self._failure is None and not self._closed:
            self._failure = error
            self._on_failure(error)

    def _fault(self, error: Exception) -> None:
        """Stop for good after an unexpected error: otherwise callers would wait for ever."""
        self._fail(QueueError(f"an unexpected error in the store: {error!r}"))

    # Parts.

    def _session(self, timeout: float = 0.0) -> ThreadConnection:
        return self._add(partial(self._opened.connector.connect, timeout, timeout + ANSWER))

    def _add(self, connect: Callable[[], Connection]) -> ThreadConnection:
        session = ThreadConnection(connect, self._reach)
        self._sessions.append(session)
        return session

    def _writer(self, number: int, session: ThreadConnection) -> FencedWriter:
        return FencedWriter(session, self._opened.node, number, self._note_fenced)

    def _readers(self, name: str, number: int) -> Readers:
        return Readers(name, [self._session(TIMEOUT) for _ in range(number)], self._fault)


def _nothing(_items: Sequence[None]) -> None:
    """Do nothing: this thread has only its rounds."""


def _save_records(
    connection: Connection,
    rows: Sequence[tuple[str, str, str]],
    deleted: Sequence[tuple[str, str]],
) -> None:
    with connection.pipeline():
        connection.execute(SQL["raise_version"], ("records",))
        if deleted:
            columns = zip(*deleted, strict=True)
            connection.execute(SQL["delete_records"], [texts(each) for each in columns])
        if rows:
            columns = zip(*rows, strict=True)
            connection.execute(SQL["put_records"], [texts(each) for each in columns])
