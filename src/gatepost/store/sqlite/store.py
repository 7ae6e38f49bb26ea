"""The store on SQLite, which uses four threads (bodies, store, sync, reader)."""

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from gatepost.errors import QueueError, QueueFull
from gatepost.model.body import Body, BytesBody, traits_of
from gatepost.model.message import StoredMessage, Submission
from gatepost.queue.notes_contract import EXPIRED
from gatepost.queue.store_contract import Selection
from gatepost.store.lock import DirectoryLock
from gatepost.store.message_waiters import Waiters
from gatepost.store.sqlite.body_writer import HERE, BodyWriter
from gatepost.store.sqlite.close_marker import CloseMark
from gatepost.store.sqlite.committer import Committer
from gatepost.store.sqlite.deliveries import QueueReader, SqliteDeliveries
from gatepost.store.sqlite.delivery_writer import DeliveryWriter, next_epoch
from gatepost.store.sqlite.disk_space import Room
from gatepost.store.sqlite.generation import Generation
from gatepost.store.sqlite.group_commit import GroupCommit
from gatepost.store.sqlite.group_writes import (
    Change,
    ExtraWrite,
    Put,
    Transaction,
    UpkeepWrite,
    WaitedWrite,
)
from gatepost.store.sqlite.mailbox import SqliteMailbox
from gatepost.store.sqlite.message_reader import MessageReader
from gatepost.store.sqlite.notes import SqliteNotes, expire_notes
from gatepost.store.sqlite.queries import QUERIES
from gatepost.store.sqlite.read_thread import ReadThread
from gatepost.store.sqlite.recovery import DATABASE, mark_failed
from gatepost.store.sqlite.reports import SqliteReports
from gatepost.store.sqlite.retention import (
    BATCH,
    delete_ids,
    delete_oldest,
    expire_captured,
    expire_operations,
    expire_settled,
)
from gatepost.store.sqlite.segment_compaction import SegmentCompactor
from gatepost.store.sqlite.segments import Segments
from gatepost.store.sqlite.send_operations import SqliteOperations
from gatepost.store.sqlite.settings import StoreSettings
from gatepost.store.sqlite.store_thread import Writer
from gatepost.store.stored_values import MICROSECOND

if TYPE_CHECKING:
    from gatepost.directory.contract import Record

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OpenedFiles:
    """The opened files of a store, from ``opening``."""

    directory: Path
    settings: StoreSettings
    lock: DirectoryLock
    committer: Committer
    reading: sqlite3.Connection
    segments: Segments
    room: Room
    recovered: str = ""
    begun: str = ""
    older: str = ""


class SqliteStore:
    """Implements ``Store`` and ``Records``; see ``open_store``.

    Not bound to an event loop: futures belong to the loop that runs where a method is called.
    """

    cluster = None
    """One relay has it alone."""

    def __init__(self, files: OpenedFiles, on_failure: Callable[[QueueError], None]) -> None:
        self._files, self._room, self._on_failure = files, files.room, on_failure
        self.recovered, self.begun, self.older = files.recovered, files.begun, files.older
        """Sentences for the operator, or empty: what was recovered when the store was opened; that
        the database was missing, and a new one was created; that an older copy was in its place."""
        self._inline = files.settings.inline
        self._most_here = max(HERE, self._inline)
        """The largest body whose message an event loop commits itself."""
        self._closed = False
        self._waiters = Waiters()
        self._reader = MessageReader(files.reading, files.segments)
        self._unclosed = CloseMark(files.directory, files.directory / DATABASE, files.settings.disk)
        self._writer = Writer(
            files.committer,
            files.room,
            self._waiters,
            self._fail,
            self._unclosed,
        )
        self._read = ReadThread("gatepost-reader", self._writer)
        self._read.start()
        self._watchers: dict[str, Callable[[], None]] = {}
        self.reports = SqliteReports(
            self._change, self._read, files.reading, partial(self._watch, "reports")
        )
        self.notes = SqliteNotes(self._change, self._read, files.reading)
        self.mailbox = SqliteMailbox(
            self._change,
            ReadThread("gatepost-mailbox", self._writer),
            partial(files.settings.disk.connect, files.directory / DATABASE, read_only=True),
            partial(self._watch, "mailbox"),
        )
        self._generation = Generation(files.directory, files.committer.connection)
        self._queue = DeliveryWriter()
        self.deliveries = SqliteDeliveries(
            self._queue,
            self._accept,
            self._change,
            self._join_group,
            self._read,
            QueueReader(files.reading, files.segments, self._queue),
        )
        self.operations = SqliteOperations(
            self._put, self.deliveries.put_with, self._read, files.reading
        )
        self._bodies = BodyWriter(files.segments, self._writer, files.room, self._inline)
        self._group = GroupCommit(self._writer, self._bodies)
        self._compactor = SegmentCompactor(
            files.segments, files.room, self._reader, self._read, self._writer, self._bodies
        )
        # Not immediately: a command that only reads a stopped relay's store must not change it.
        self._writer.start(self._upkeep, after=files.settings.upkeep)

    @property
    def has_failed(self) -> bool:
        """True if the store has failed, and will not write again."""
        return self._writer.failure is not None

    @property
    def refusal(self) -> str:
        return self._room.refusal and self._room.look()

    def keep_reserve(self) -> None:
        """Create the reserve of disk space now; call it before accepting mail. May write to disk.

        Otherwise the first upkeep does.
        """
        self._room.restore()

    def close(self) -> None:
        """Commit everything that was given, and unlock the directory; blocks until this is done."""
        if self._closed:
            return
        self._closed = True
        self._group.flush()
        self._bodies.close()
        self._writer.give(UpkeepWrite(self._generation.advance, self._generation.note))
        self._read.stop()
        self._files.reading.close()
        self.mailbox.close()
        self._writer.close()
        self._files.lock.release()

    # The queue.

    def put(self, submission: Submission) -> asyncio.Future[None]:
        return self._accept(submission, Put)

    def _put(self, submission: Submission, beside: ExtraWrite | None) -> asyncio.Future[None]:
        return self._accept(submission, partial(Put, beside=beside))

    def _accept(self, submission: Submission, make: Callable[..., Put]) -> asyncio.Future[Any]:
        """Pass a message, in the form that `make` gives it, to the thread for its body."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if refused := self._refused():
            future.set_exception(refused)
            return future
        body = submission.body
        if body.size <= self._inline and type(body) is not BytesBody:
            try:
                body = BytesBody(b"".join(body.chunks()), traits_of(body))
            except OSError as error:
                future.set_exception(QueueError(f"the body cannot be read: {error}"))
                return future
            submission = replace(submission, body=body)
        put = make(future, submission)
        if self._writer.is_quick and body.size <= self._most_here:
            self._group.add(put, urgent=True)
        else:
            self._group.pass_on((put,))
        return future

    async def new_epoch(self) -> int:
        return await self._change(next_epoch)

    async def delete(self, ids: Iterable[str] | None) -> int:
        deleted = 0
        if ids is None:
            newest = self._writer.newest
            while batch := await self._change(delete_oldest, newest):
                deleted += batch
            return deleted
        wanted = iter(ids)
        while some := tuple(islice(wanted, BATCH)):
            deleted += await self._change(delete_ids, some)
        return deleted

    async def count(self) -> int:
        return self._writer.messages

    async def list(self, selection: Selection = Selection()) -> Sequence[StoredMessage]:  # noqa: B008
        return await self._read(self._reader.list, selection)

    async def get(self, id: str) -> StoredMessage:
        return await self._read(self._reader.get, id)

    async def trace(self, id: str) -> bytes:
        return await self._read(self._reader.trace, id)

    async def body(self, id: str) -> Body:
        return await self._read(self._reader.body, id)

    async def wait(self, selection: Selection, timeout: float) -> StoredMessage | None:
        return await self._waiters.wait(selection, timeout, self.list)

    # The directory's objects.

    async def load_records(self) -> "Sequence[Record]":
        return await self._read(self._reader.records)

    async def save_records(
        self, put: "Iterable[Record]", delete: Iterable[tuple[str, str]] = ()
    ) -> None:
        rows = [(each.kind, each.id, json.dumps(each.fields)) for each in put]
        await self._change(_save_records, rows, tuple(delete))

    # The consumers of committed mail.

    def _watch(self, name: str, on_commit: Callable[[], None] | None) -> None:
        self._watchers.pop(name, None)
        if on_commit is not None:
            self._watchers[name] = on_commit
        self._writer.on_commit = tuple(self._watchers.values())

    # How operations reach their threads.

    async def _change(
        self, apply: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Write in the next group; return what `apply` returned, once it is durable."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if self._closed:
            raise _closed()
        self._writer.give(Change(future, lambda transaction: apply(transaction, *args, **kwargs)))
        return await future

    def _join_group(self, operation: WaitedWrite) -> None:
        """Write something that many others of its kind follow: if the loop commits, it goes with
        the next messages, with one sync for both, or with others of its kind a moment later."""
        if self._closed:
            operation.future.set_exception(_closed())
        elif self._writer.is_quick:
            self._group.add(operation, urgent=False)
        else:
            self._writer.give(operation)

    def _refused(self) -> QueueError | None:
        if self._closed:
            return _closed()
        if self._writer.failure is not None:
            return QueueError(str(self._writer.failure))
        return QueueFull(self.refusal) if self.refusal else None

    # What the threads do by themselves.

    def _upkeep(self) -> float:
        """Perform one round of retention in the store thread; again immediately while there is more
        to do."""
        settings = self._files.settings
        now = int(time.time() / MICROSECOND.total_seconds())
        batch: list[int] = []
        has_more: list[bool] = []
        self._writer.run(
            UpkeepWrite(lambda each: expire_captured(each, settings.retention, now), batch.append)
        )
        if batch == [BATCH]:
            return 0.0
        self._writer.run(
            UpkeepWrite(lambda each: expire_operations(each, now), _nothing),
            UpkeepWrite(lambda each: expire_notes(each, now) >= EXPIRED, has_more.append),
            UpkeepWrite(self._generation.advance, self._note_generation),
        )
        if has_more == [True]:
            return 0.0
        history, forgotten = settings.history, now - settings.history.age // MICROSECOND
        self._writer.run(
            UpkeepWrite(
                lambda each: expire_settled(each, forgotten, history.messages), batch.append
            )
        )
        if batch[-1] == BATCH:
            return 0.0
        self._compactor.start()
        self._room.restore()
        return settings.upkeep

    def _note_generation(self, result: tuple[int, int] | None) -> None:
        self._generation.note(result)
        if result is not None:
            self._unclosed.note(again=True)

    def _fail(self, error: QueueError) -> None:
        with suppress(OSError):  # without space for a marker there is none for mail
            mark_failed(self._files.directory, str(error), error.__cause__)
        self._on_failure(error)


def _nothing(_result: int | None) -> None:
    """Do nothing: no caller waits for it."""


def _closed() -> QueueError:
    return QueueError("the store is closed")


def _save_records(
    transaction: Transaction,
    rows: Sequence[tuple[str, str, str]],
    deleted: Sequence[tuple[str, str]],
) -> None:
    transaction.connection.executemany(QUERIES["delete_record"], deleted)
    transaction.connection.executemany(QUERIES["put_record"], rows)
    transaction.ledger.pages += len(rows) + len(deleted)
