"""Threads that read the database, for callers in event loops and in other threads."""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import psycopg

from gatepost.errors import QueueError, Unreadable
from gatepost.store.future_results import report_results
from gatepost.store.postgres.connections import Connection, is_lost, text_of
from gatepost.store.postgres.thread_connection import ThreadConnection, roll_back
from gatepost.store.postgres.worker_threads import WorkerThreads

P = ParamSpec("P")
T = TypeVar("T")
ReadJob = Callable[[ThreadConnection], None]
"""Reads with the connection of a thread, and reports the result."""
TIMEOUT: Final = 30.0
"""Seconds that a statement may take."""


class Readers:
    """Run reads, one in each thread at a time, each of which has one of ``sessions``."""

    def __init__(
        self, name: str, sessions: Iterable[ThreadConnection], on_fault: Callable[[Exception], None]
    ) -> None:
        self._sessions = tuple(sessions)
        works = [_work_with(each) for each in self._sessions]
        self._threads = WorkerThreads[ReadJob](name, works, 1, on_fault)
        self._has_stopped = False

    def stop(self) -> None:
        """Finish what was given, and end the threads."""
        self._has_stopped = True
        self._threads.stop()
        for each in self._sessions:
            each.close()

    async def __call__(
        self, read: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return what ``read`` returns, or raise what it raises; the database's errors as
        QueueError."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if self._has_stopped:
            raise QueueError("the store is closed")

        def run(session: ThreadConnection) -> None:
            result: Any
            try:
                result = read_with(session, lambda each: read(each, *args, **kwargs))
            except Exception as error:  # noqa: BLE001 - raised where it is awaited
                result = error
            report_results(((future, result),))

        self._threads.give(run)
        return await future

    def wait(self, read: Callable[[Connection], T]) -> T:
        """The same for a caller that has no event loop, or must not return to it."""
        future: Future[T] = Future()

        def run(session: ThreadConnection) -> None:
            try:
                future.set_result(read_with(session, read))
            except Exception as error:  # noqa: BLE001 - raised where it is waited for
                future.set_exception(error)

        if self._has_stopped:
            raise QueueError("the store is closed")
        self._threads.give(run)
        return future.result()


def read_with(session: ThreadConnection, read: Callable[[Connection], T]) -> T:
    """Return what ``read`` returns, with a new connection if the last one is lost.

    Raises UndefinedTable, because a segment may be dropped meanwhile, and other errors of the
    database as QueueError.
    """
    for attempt in range(2):
        connection = session.connection()
        try:
            return read(connection)
        except psycopg.errors.UndefinedTable:
            roll_back(connection)
            raise
        except psycopg.Error as error:
            if is_lost(error) or connection.broken:
                session.lose(error)
                if attempt:
                    raise Unreadable(f"the store cannot be read: {text_of(error)}") from error
                continue
            roll_back(connection)
            raise Unreadable(f"the store cannot be read: {text_of(error)}") from error
        except BaseException:
            roll_back(connection)
            raise
    raise AssertionError("unreachable")  # pragma: no cover


def _work_with(session: ThreadConnection) -> Callable[[list[ReadJob]], None]:
    def work(jobs: list[ReadJob]) -> None:
        for job in jobs:
            job(session)

    return work
