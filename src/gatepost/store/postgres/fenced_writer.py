"""Transactions that change something: fenced, and repeated until the database has answered."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import psycopg

from gatepost.errors import QueueError, Unconfirmed
from gatepost.store.postgres.connections import (
    Connection,
    error_of,
    is_conflict,
    is_lost,
    text_of,
)
from gatepost.store.postgres.node import Fenced, Node
from gatepost.store.postgres.thread_connection import ThreadConnection, roll_back

T = TypeVar("T")
_CONFLICTS: Final = 20
"""Times that a transaction is repeated because it met another one."""
_TAKEN: Final = "other nodes have taken over what this one had"
_WARNING: Final = "01000"
"""COMMIT stopped waiting for the synchronous standbys: it is durable here alone."""


class WriteAttempt:
    """One attempt at a transaction."""

    def __init__(
        self, connection: Connection, fence: Callable[[Connection], int], *, is_repeated: bool
    ) -> None:
        self.connection = connection
        self.is_repeated = is_repeated
        """An earlier attempt may have been committed: its result was lost."""
        self.is_committing = False
        self.epoch = 0
        """The node's, as it was at the beginning."""
        self._fence = fence
        self._committed: psycopg.Cursor[Any] | None = None
        self._warnings: list[str] = []

    def begin(self) -> None:
        """Begin it; in a pipeline this takes no time of its own."""
        self.connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED", prepare=False)
        self.epoch = self._fence(self.connection)

    def commit(self) -> None:
        """Commit it. In a pipeline, that happens at its end; then call ``check``."""
        self.is_committing = True
        self._committed = self.connection.execute("COMMIT", prepare=False)

    def check(self) -> None:
        """Raise OperationalError unless it is committed, and durable."""
        status = self._committed.statusmessage if self._committed is not None else None
        if status != "COMMIT":
            raise psycopg.OperationalError(f"the server did not commit, but said {status}")
        if _WARNING in self._warnings:
            raise psycopg.OperationalError("the standby has not confirmed the transaction")

    def note(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        """Note a warning of the server."""
        self._warnings.append(diagnostic.sqlstate or "")


@dataclass(slots=True)
class _Repetition:
    """Whether a transaction is repeated."""

    conflicts: int
    """How many more it may meet."""
    is_repeated: bool = False
    """An earlier attempt may have been committed."""


class FencedWriter:
    """What one thread writes with; ``number`` is that of its connection for the fence.

    ``on_fenced`` is called when others have taken over what we had. Mail is refused while a write
    takes long, unless it ``may_be_slow``.
    """

    def __init__(
        self,
        session: ThreadConnection,
        node: Node,
        number: int,
        on_fenced: Callable[[Fenced], None],
        *,
        may_be_slow: bool = False,
    ) -> None:
        self.session, self._node, self._number = session, node, number
        self._note_write = nullcontext if may_be_slow else session.reach.writing
        self._on_fenced = on_fenced
        self.epoch = 0
        """The node's, with which the last transaction began."""

    def persist(self, attempt: Callable[[WriteAttempt], T], conflicts: int = _CONFLICTS) -> T:
        """Return what ``attempt`` returns: a transaction from ``begin`` to ``check``.

        It is repeated while the database is away, and with ``is_repeated`` if it is unknown whether
        it was committed, and up to ``conflicts`` times after a conflict with others. Raises
        Unconfirmed if that stays unknown, QueueError if it was not, and psycopg.Error if the server
        refuses.
        """
        state = _Repetition(conflicts)
        try:
            with self._note_write():
                return self._persist(attempt, state)
        except (QueueError, psycopg.Error) as error:
            if state.is_repeated:
                raise Unconfirmed(f"perhaps not stored: {text_of(error)}") from error
            raise

    def _persist(self, attempt: Callable[[WriteAttempt], T], state: "_Repetition") -> T:
        deadline = self.session.reach.deadline()
        while True:
            connection = self.session.wait_for_connection(deadline)
            if self._node.is_fenced:  # its next epoch may not be committed yet
                raise Fenced(_TAKEN)
            transaction = WriteAttempt(connection, self._fence, is_repeated=state.is_repeated)
            connection.add_notice_handler(transaction.note)
            try:
                result = attempt(transaction)
            except psycopg.errors.DivisionByZero:
                roll_back(connection)
                if self.epoch == self._node.epoch:
                    fenced = Fenced(_TAKEN)
                    self._on_fenced(fenced)
                    raise fenced from None
            except psycopg.Error as error:
                if is_lost(error) or connection.broken:
                    state.is_repeated = state.is_repeated or transaction.is_committing
                    self.session.lose(error)
                    if time.monotonic() > deadline:
                        raise error_of(error) from error
                    continue
                roll_back(connection)
                if not is_conflict(error) or state.conflicts == 0 or time.monotonic() > deadline:
                    raise
                state.conflicts -= 1
            except BaseException:
                roll_back(connection)
                raise
            else:
                self._node.note_group(transaction.epoch)
                return result
            finally:
                connection.remove_notice_handler(transaction.note)

    def change(self, apply: Callable[[Connection], T], conflicts: int = _CONFLICTS) -> T:
        """Run a function in a transaction, again if the result of its COMMIT is lost; return what
        it returned. Raises QueueError, and what it raises."""

        def attempt(transaction: WriteAttempt) -> T:
            with transaction.connection.pipeline():
                transaction.begin()
            result = apply(transaction.connection)
            transaction.commit()
            transaction.check()
            return result

        try:
            return self.persist(attempt, conflicts)
        except psycopg.Error as error:
            raise error_of(error) from error

    def _fence(self, connection: Connection) -> int:
        self.epoch = self._node.fence(connection, self._number)
        return self.epoch
