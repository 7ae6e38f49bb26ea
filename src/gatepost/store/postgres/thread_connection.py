"""The connection of a thread, which is made anew when it is lost."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import psycopg

from gatepost.net.descriptors import shut_down
from gatepost.store.postgres.connections import Connection, Unreachable

PATIENCE: Final = 60.0
"""Seconds for which a write waits for the database; a client waits for ten minutes (RFC 5321
4.5.3.2.6)."""
GRACE: Final = 2.0
"""Seconds without the database after which clients are refused at MAIL."""
HUNG: Final = 5.0
"""Seconds that a write may take, with all its repetitions, before they are refused, too."""
_PAUSES: Final = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds between attempts to connect; the last one repeats."""


class Reachability:
    """Whether the database can be reached, as the threads of a store found out. For any thread."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._writes: dict[object, float] = {}
        """When each write began that is not finished."""
        self.reason = ""
        """Why it cannot be reached."""
        self.is_closing = threading.Event()
        """Set when nobody waits for the database any more."""

    def lose(self, reason: str) -> None:
        """Note that it cannot be reached."""
        self.reason = reason
        if self._since is None:
            self._since = time.monotonic()

    def restore(self) -> None:
        """Note that it can be reached."""
        self._since = None

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Note that a write goes on meanwhile."""
        write = object()
        self._writes[write] = time.monotonic()
        try:
            yield
        finally:
            del self._writes[write]

    @property
    def is_away(self) -> bool:
        """Whether it could not be reached for a while."""
        since = self._since
        return since is not None and time.monotonic() - since >= GRACE

    @property
    def refusal(self) -> str:
        """Why no mail is accepted; empty if it is."""
        now = time.monotonic()
        if self.is_away:
            return self.reason
        writes = list(self._writes.values())
        if writes and now - min(writes) >= HUNG:
            return "the database does not answer"
        return ""

    def deadline(self) -> float:
        """Return until when to wait for the database, by the monotonic clock."""
        return (self._since or time.monotonic()) + PATIENCE


class ThreadConnection:
    """One thread's connection. ``connect`` makes it, when it is first needed."""

    def __init__(self, connect: Callable[[], Connection], reach: Reachability) -> None:
        self._connect, self.reach = connect, reach
        self._connection: Connection | None = None
        self._process = 0
        """The number of the server's process for the connection."""
        self._old = 0
        """The same for a connection that was lost: it may still write."""

    def connection(self) -> Connection:
        """Return the connection, a new one if the last was lost. Raises QueueError."""
        if self._connection is None or self._connection.closed:
            if self.reach.is_closing.is_set() and self.reach.is_away:
                raise Unreachable(self.reach.reason)  # else each of many would try for seconds
            try:
                connection = self._connect()
                self._end_old(connection)
            except Unreachable as error:
                self.reach.lose(str(error))
                raise
            self._connection, self._process = connection, connection.info.backend_pid
            self.reach.restore()
        return self._connection

    def wait_for_connection(self, deadline: float) -> Connection:
        """As ``connection``, but wait for the database. Raises QueueError after the deadline."""
        attempt = 0
        while True:
            try:
                return self.connection()
            except Unreachable:
                pause = _PAUSES[min(attempt, len(_PAUSES) - 1)]
                if time.monotonic() + pause > deadline or self.reach.is_closing.wait(pause):
                    raise
                attempt += 1

    def lose(self, error: Exception) -> None:
        """Give up a connection that does not work any more."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._old = self._process
            connection.close()
        self.reach.lose(f"the database cannot be reached: {' '.join(str(error).split())}")

    def descriptors(self) -> list[int]:
        """Return the descriptor of the connection, in a list that is empty without one."""
        connection = self._connection
        return [] if connection is None or connection.closed else [connection.fileno()]

    def abort(self) -> None:
        """Cancel the statement that is being executed, and use the connection no more: its server
        may hang. For any thread."""
        if (connection := self._connection) is not None:
            with suppress(psycopg.Error):
                connection.cancel_safe(timeout=2.0)
            with suppress(psycopg.Error, OSError):  # it is closed
                shut_down(connection.fileno())

    def close(self) -> None:
        """Close the connection, if there is one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _end_old(self, connection: Connection) -> None:
        """End the server's side of the connection that was lost: it may be in a transaction."""
        if not self._old:
            return
        try:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity"
                " WHERE pid = %s AND application_name = current_setting('application_name')"
                " AND usename = current_user",
                (self._old,),
            )
        except psycopg.Error as error:
            connection.close()
            raise Unreachable(f"the database cannot be reached: {error}") from error
        self._old = 0


def roll_back(connection: Connection) -> None:
    """End a transaction that failed; if that fails, close the connection."""
    try:
        if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            connection.execute("ROLLBACK", prepare=False)
    except psycopg.Error:
        with suppress(psycopg.Error):
            connection.close()
