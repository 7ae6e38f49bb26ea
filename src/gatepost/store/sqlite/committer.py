"""Commits a group of operations in one transaction with one sync; each has a result of its own."""

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gatepost.errors import QueueError, QueueFull
from gatepost.store.sqlite.group_writes import Ledger, Operation, OperationResult, Put, Transaction
from gatepost.store.sqlite.queries import QUERIES

CHECKPOINT_PAGES: Final = 1500
"""Approximate number of pages of WAL after which they are moved into the database."""
UNKNOWN: Final = 0.05
"""Assumed duration of a commit in seconds before the first ones were measured."""
SMOOTHING: Final = 8
"""Approximate number of commits over which their duration is averaged."""
_PAGES_PER_GROUP: Final = 6
"""Number of leaf and inner pages that every transaction rewrites."""
_FINAL: Final = frozenset({
    sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY,
})  # fmt: skip
_BAD_ROW: Final = (ValueError, TypeError, OverflowError)


class StoreFailed(QueueError):
    """A write or sync failed. The state of the disk is unknown, so nothing more may be written."""


@dataclass(frozen=True, slots=True)
class UnsyncedGroup:
    """A group that is written and not yet synced."""

    group: Sequence[Operation]
    ledger: Ledger
    results: list[OperationResult]


class Committer:
    """Owns the writing connection. It is not a thread: callers wait for the disk.

    ``release`` frees the reserve of disk space; ``quick`` is the number of seconds for a commit
    below which the disk counts as quick; ``check`` raises OSError if the last sync may have done
    nothing.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        release: Callable[[], None],
        quick: float,
        check: Callable[[], None],
    ) -> None:
        self.connection = connection
        self._release, self._quick, self._check = release, quick, check
        self.is_full = False
        """The disk was full for the last group."""
        self.is_cramped = False
        """The disk is nearly full: the WAL is checkpointed after every group, so that it is
        overwritten. If it could grow, it would take the space that the database needs for the
        checkpoint, permanently."""
        self.duration = UNKNOWN
        """Seconds that the disk takes for a commit, a moving average."""
        read = connection.execute
        self.ledger = Ledger(
            seq=read(QUERIES["newest_seq"]).fetchone()[0] or 0,
            messages=read(QUERIES["get_counter"], ("messages",)).fetchone()[0],
            octets=read(QUERIES["get_counter"], ("octets",)).fetchone()[0],
            queued=read(QUERIES["newest_queued"]).fetchone()[0],
        )

    @property
    def is_quick(self) -> bool:
        """Whether the disk takes commits so quickly that an event loop may wait for them."""
        return self.duration < self._quick

    def commit(self, group: Sequence[Operation]) -> list[OperationResult]:
        """Return the result of each operation, which is durable unless it is an exception.

        Raises StoreFailed, after which nothing more may be written or checkpointed.
        """
        self.is_full = False
        try:
            return self._attempt(group, self._apply_together)
        except sqlite3.Error as error:
            if _is_full(error):
                return self._without_room(group)
        except _BAD_ROW:
            pass  # a row that SQLite refuses; found below
        try:
            return self._attempt(group, self._apply_one_by_one)
        except sqlite3.Error as error:
            if _is_full(error):
                return self._without_room(group)
            return [(each, QueueError(f"not stored: {error}")) for each in group]

    def begin(self, group: Sequence[Operation]) -> "UnsyncedGroup | None":
        """Write a group, and leave its sync to ``finish``; None if ``commit`` must be used.

        Raises StoreFailed.
        """
        try:
            return self._begin(group, self._apply_together)
        except StoreFailed:
            raise
        except Exception:  # noqa: BLE001 (whatever it is: ``commit`` meets it again, and judges it)
            return None

    def finish(self, begun: "UnsyncedGroup", unsynced: QueueError | None) -> list[OperationResult]:
        """Return what ``commit`` does, for a group that was begun. Raises QueueError.

        ``unsynced``: why its bodies are not on the disk; QueueFull concerns only the group.
        """
        self.is_full = False
        if isinstance(unsynced, QueueFull):
            self._roll_back()
            return self._without_room(begun.group)
        if unsynced is not None:
            raise unsynced
        try:
            return self._finish(begun)
        except sqlite3.Error:
            return self.commit(begun.group)

    @property
    def needs_checkpoint(self) -> bool:
        """True when there is enough WAL to be moved into the database."""
        return self.ledger.pages >= (1 if self.is_cramped else CHECKPOINT_PAGES)

    def checkpoint(self) -> None:
        """Move the WAL into the database when there is enough of it. Raises StoreFailed."""
        if self.needs_checkpoint:
            self.move_wal("PASSIVE")

    def move_wal(self, mode: str) -> None:
        """Move the WAL into the database now. Raises StoreFailed."""
        try:
            self.connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        except sqlite3.Error as error:
            # A full disk leaves the WAL as it is, and it is moved later.
            if not _is_full(error):
                raise StoreFailed(f"the checkpoint failed: {error}") from error
        self._check_sync()
        self.ledger.pages = 0

    def _check_sync(self) -> None:
        try:
            self._check()
        except OSError as error:
            raise StoreFailed(f"the store cannot be written: {error.strerror}") from error

    def _attempt(
        self,
        group: Sequence[Operation],
        apply: Callable[[Transaction, Sequence[Operation]], list[OperationResult]],
    ) -> list[OperationResult]:
        """Commit the whole group or nothing of it. Raises sqlite3.Error, or StoreFailed."""
        return self._finish(self._begin(group, apply))

    def _begin(
        self,
        group: Sequence[Operation],
        apply: Callable[[Transaction, Sequence[Operation]], list[OperationResult]],
    ) -> "UnsyncedGroup":
        transaction = Transaction(self.connection, self.ledger.copy())
        execute = self.connection.execute
        try:
            execute("BEGIN IMMEDIATE")
            results = apply(transaction, group)
            ledger = transaction.ledger
            if (ledger.messages, ledger.octets) != (self.ledger.messages, self.ledger.octets):
                set_counter = QUERIES["set_counter"]
                execute(set_counter, (ledger.messages, "messages"))
                execute(set_counter, (ledger.octets, "octets"))
        except BaseException as error:
            self._undo(error)
            raise
        return UnsyncedGroup(group, ledger, results)

    def _finish(self, begun: "UnsyncedGroup") -> list[OperationResult]:
        began = time.perf_counter()
        try:
            self.connection.execute("COMMIT")
        except BaseException as error:
            self._undo(error)
            raise
        self._check_sync()
        self.duration += (time.perf_counter() - began - self.duration) / SMOOTHING
        begun.ledger.pages += _PAGES_PER_GROUP
        self.ledger = begun.ledger
        return begun.results

    def _undo(self, error: BaseException) -> None:
        """Roll back. Raises StoreFailed if ``error`` is final."""
        if isinstance(error, sqlite3.Error) and _is_final(error):
            raise StoreFailed(f"the store cannot be written: {error}") from error
        self._roll_back()

    def _roll_back(self) -> None:
        if self.connection.in_transaction:  # SQLite has done so itself after some errors
            try:
                self.connection.execute("ROLLBACK")
            except sqlite3.Error as error:
                raise StoreFailed(f"the store cannot be rolled back: {error}") from error

    def _apply_together(
        self, transaction: Transaction, group: Sequence[Operation]
    ) -> list[OperationResult]:
        """Apply operations of a kind together, messages before operations on them."""
        kinds: dict[type[Operation], list[Operation]] = {}
        for each in group:
            kinds.setdefault(type(each), []).append(each)
        results: list[OperationResult] = []
        for kind in sorted(kinds, key=_is_no_put):
            some = kinds[kind]
            results += zip(some, kind.write_all(transaction, some), strict=True)
        return results

    def _apply_one_by_one(
        self, transaction: Transaction, group: Sequence[Operation]
    ) -> list[OperationResult]:
        """Apply each operation in its own savepoint, so that an invalid one fails alone."""
        return [(each, self._apply_alone(transaction, each)) for each in group]

    def _apply_alone(self, transaction: Transaction, operation: Operation) -> Any:
        ledger = transaction.ledger
        before = ledger.copy()
        execute = self.connection.execute
        execute("SAVEPOINT one")
        try:
            (result,) = operation.write_all(transaction, (operation,))
        except (sqlite3.Error, *_BAD_ROW) as error:
            if isinstance(error, sqlite3.Error) and (_is_final(error) or _is_full(error)):
                raise
            execute("ROLLBACK TO one")
            ledger.seq, ledger.messages, ledger.octets = before.seq, before.messages, before.octets
            ledger.queued = before.queued
            result = QueueError(f"not stored: {error}")
        execute("RELEASE one")
        return result

    def _without_room(self, group: Sequence[Operation]) -> list[OperationResult]:
        """Handle a full disk: refuse the messages; try the rest, on the reserve if necessary."""
        self.is_full = True
        changes = [each for each in group if not isinstance(each, Put)]
        results: list[OperationResult] = [
            (each, _no_room()) for each in group if isinstance(each, Put)
        ]
        if not changes:
            return results
        for on_reserve in (False, True):
            if on_reserve:
                self._release()
            self.move_wal("PASSIVE")  # so that it is overwritten, and does not grow
            try:
                return results + self._attempt(changes, self._apply_one_by_one)
            except sqlite3.Error as error:
                if not _is_full(error):
                    bad = QueueError(f"not stored: {error}")
                    return results + [(each, bad) for each in changes]
        return results + [(each, _no_room()) for each in changes]


def _is_no_put(kind: type[Operation]) -> bool:
    return not issubclass(kind, Put)


def _no_room() -> QueueFull:
    return QueueFull("the disk is full")


def _is_full(error: sqlite3.Error) -> bool:
    return _code(error) == sqlite3.SQLITE_FULL


def _is_final(error: sqlite3.Error) -> bool:
    return _code(error) in _FINAL


def _code(error: sqlite3.Error) -> int:
    """Return the primary result code; errors of Python's module itself have none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def leave_open(connection: sqlite3.Connection) -> None:
    """Keep a connection open for the rest of the process, because closing it would checkpoint.

    A daemon thread holds it, so that it is not closed even at the end of the interpreter.
    """
    threading.Thread(target=_hold, args=(connection,), daemon=True).start()


def _hold(_connection: sqlite3.Connection) -> None:
    threading.Event().wait()
