"""The store thread: commits everything that arrived during the last commit as one group."""

import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from gatepost.errors import QueueError
from gatepost.model.message import StoredMessage
from gatepost.queue.message_selection import captured
from gatepost.store.batch_thread import BatchThread
from gatepost.store.future_results import Resolution, report_results
from gatepost.store.message_waiters import Waiters
from gatepost.store.sqlite.close_marker import CloseMark
from gatepost.store.sqlite.committer import Committer, StoreFailed, UnsyncedGroup, leave_open
from gatepost.store.sqlite.disk_space import Room
from gatepost.store.sqlite.group_writes import Operation, OperationResult, Put, UpkeepWrite

GROUP: Final = 256
"""Maximum number of operations in a commit, so that no commit takes long."""
IDLE: Final = 3600.0
"""Seconds between two calls of the upkeep of a store that failed."""

SyncJob = tuple[UnsyncedGroup, Callable[[], QueueError | None], Callable[[], None]]
"""A group that an event loop has written, the sync of its bodies, and a function to call then."""


class Writer:
    """Commits groups and reports the results, with one wake-up of the event loop per group.

    One thread commits at a time, with a lock: the store thread what it was given, which it waits
    for, or the sync thread what an event loop has written, which gets the lock only if the store
    thread does not need it (``try_reserve``, ``try_begin``; ``GroupCommit`` decides when). A loop
    writes the rows, and a thread that does nothing else syncs: every statement releases the
    interpreter's lock, and a separate thread would have to acquire it each time. Checkpoints, which
    may take long, are made by the store thread.

    After a failed sync nothing more is done, not even closing the connection. `on_failure` is
    called once, in the thread that saw the failure.
    """

    def __init__(
        self,
        committer: Committer,
        room: Room,
        waiters: Waiters,
        on_failure: Callable[[QueueError], None],
        unclosed: CloseMark,
    ) -> None:
        self._committer, self._room, self._waiters = committer, room, waiters
        self._unclosed = unclosed
        self._on_failure = on_failure
        self._committing = threading.Lock()
        self._is_needed = False
        """The store thread needs the lock: it was given something, or waits for it."""
        self.on_free: Callable[[], None] | None = None
        """Called in the store thread when it has done what it was given."""
        self._failing = threading.Lock()
        self.failure: QueueError | None = None
        self.on_commit: tuple[Callable[[], None], ...] = ()
        """Called in the committing thread after each group that contains a message."""
        self._store_thread: BatchThread[Operation] = BatchThread(
            "gatepost-store", self._work, GROUP, self.fault
        )
        self._sync_thread: BatchThread[SyncJob] = BatchThread(
            "gatepost-sync", self._sync, 1, self.fault
        )

    def start(self, upkeep: Callable[[], float], after: float) -> None:
        """Start; `upkeep` runs in the store thread, first in `after` seconds.

        It returns the seconds to its next run.
        """
        self._sync_thread.start()
        self._store_thread.start(lambda: upkeep() if self.failure is None else IDLE, after)

    def give(self, operation: Operation) -> None:
        """Let the store thread commit it, in the next group. For any thread."""
        self._is_needed = True  # given to a waiting thread, it is in no queue, and not yet taken
        self._store_thread.give(operation)

    @property
    def messages(self) -> int:
        """Number of committed messages."""
        return self._committer.ledger.messages

    @property
    def newest(self) -> int:
        """The seq of the newest message ever committed."""
        return self._committer.ledger.seq

    def fail(self, error: QueueError) -> None:
        """Stop for good. For any thread."""
        with self._failing:
            if self.failure is not None:
                return
            self.failure = error
        leave_open(self._committer.connection)
        self._on_failure(error)

    def fault(self, error: Exception) -> None:
        """Stop for good after an unexpected error: otherwise callers would wait for ever for what
        one of the store's threads did not finish."""
        frames = traceback.extract_tb(error.__traceback__)
        where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "nowhere"
        self.fail(
            StoreFailed(f"an unexpected error in the store: {type(error).__name__} at {where}")
        )

    def close(self) -> None:
        """Commit what was given, empty the WAL, close the database."""
        self._sync_thread.stop()
        self._store_thread.stop()
        if self.failure is None:
            self._unclosed.clear()
            try:
                self._committer.move_wal("TRUNCATE")
            except StoreFailed as error:
                self.fail(error)
            else:
                self._committer.connection.close()

    def run(self, *group: Operation) -> None:
        """Commit a group now; in the store thread only."""
        self._work(list(group))

    @property
    def is_quick(self) -> bool:
        """Whether an event loop may write in its own thread."""
        return self._committer.is_quick

    def try_reserve(self) -> bool:
        """Get the lock for ``try_begin``; False while another thread commits, or waits for it."""
        if self._is_needed or self._store_thread.is_behind:
            return False
        return self._committing.acquire(blocking=False)

    def try_begin(
        self,
        group: Sequence[Operation],
        sync_bodies: Callable[[], QueueError | None],
        done: Callable[[], None],
    ) -> bool:
        """Write in this thread, that of the running loop, which has the lock.

        False if that is impossible: then the store thread must do it. Both functions are called in
        another thread: ``sync_bodies`` before the commit, ``done`` after the results are reported.
        """
        begun: UnsyncedGroup | None = None
        try:
            if self.failure is None:
                begun = self._committer.begin(group)
        except StoreFailed as error:
            self.fail(error)
        finally:
            if begun is None:
                self._committing.release()
        if begun is None:
            return False  # the store thread finds out which of them is bad
        self._sync_thread.give((begun, sync_bodies, done))
        return True

    def _sync(self, jobs: list[SyncJob]) -> None:
        for begun, sync_bodies, done in jobs:
            try:
                finish = partial(self._committer.finish, begun, sync_bodies())
                self._conclude(begun.group, finish)
                if self._committer.needs_checkpoint:  # before a loop begins the next group
                    self.give(_CHECKPOINT)
            finally:
                self._committing.release()
                done()

    def _work(self, group: list[Operation]) -> None:
        self._is_needed = True
        with self._committing:
            self._is_needed = False
            self._conclude(group, partial(self._committer.commit, group))
            if self.failure is None:
                self._checkpoint()
                if self._room.is_spent:
                    self._room.restore()
        if self.on_free is not None:
            self.on_free()

    def _conclude(
        self, group: Sequence[Operation], commit: Callable[[], Sequence[OperationResult]]
    ) -> None:
        if self.failure is None:
            try:
                results = commit()
            except Exception as error:  # noqa: BLE001 (whatever it is: nothing may be believed)
                self.fail(error if isinstance(error, QueueError) else StoreFailed(repr(error)))
            else:
                self._finish(results)
                return
        tell([(each, QueueError(str(self.failure))) for each in group])

    def _finish(self, results: Sequence[OperationResult]) -> None:
        """Report the results, then do what callers need not wait for."""
        if self._committer.is_full:
            self._room.run_out()
        tell(results)
        if self.on_commit and any(isinstance(each, Put) for each, _ in results):
            for watcher in self.on_commit:
                watcher()
        if self._waiters:
            self._waiters.announce(_captured(results))
        self._unclosed.note()
        self._committer.is_cramped = bool(self._room.look())

    def _checkpoint(self) -> None:
        try:
            self._committer.checkpoint()
        except StoreFailed as error:
            self.fail(error)


def _nothing(_: Any) -> None:
    pass


_CHECKPOINT: Final = UpkeepWrite(_nothing, _nothing)
"""Writes nothing; after every group, the store thread checks whether a checkpoint is due."""


def _captured(results: Sequence[OperationResult]) -> Iterator[StoredMessage]:
    for operation, result in results:
        if isinstance(operation, Put) and result is None:
            yield captured(operation.submission)


def tell(results: Iterable[OperationResult]) -> None:
    """Resolve the futures; call the ``then`` of an ``UpkeepWrite`` in this thread."""
    waited: list[Resolution] = []
    for operation, result in results:
        if isinstance(operation, UpkeepWrite):
            operation.then(result)
        else:
            waited.append((operation.future, result))
    report_results(waited)
