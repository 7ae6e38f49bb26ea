"""A thread that reads the database, for callers in event loops."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

from gatepost.errors import QueueError, Unreadable
from gatepost.store.batch_thread import BatchThread
from gatepost.store.future_results import report_results
from gatepost.store.sqlite.damage import is_damaged
from gatepost.store.sqlite.store_thread import Writer

P = ParamSpec("P")
T = TypeVar("T")


class ReadThread:
    """Runs one read after the other. Damage that a read finds stops the ``writer`` for good."""

    def __init__(self, name: str, writer: Writer) -> None:
        self._writer = writer
        self._thread: BatchThread[Callable[[], None]] = BatchThread(name, _run_all, 1, writer.fault)
        self.give = self._thread.give
        """Run a function in the thread; for callers without an event loop."""
        self._has_started = self._has_stopped = False

    def start(self) -> None:
        """Start the thread; otherwise its first read does."""
        if not self._has_started:
            self._has_started = True
            self._thread.start()

    def stop(self) -> None:
        """Finish what was given, and end the thread."""
        self._has_stopped = True
        if self._has_started:
            self._thread.stop()

    async def __call__(self, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what ``read`` returns, or raise what it raises; SQLite's errors as Unreadable."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if self._has_stopped:
            raise QueueError("the store is closed")
        self.start()

        def run() -> None:
            result: Any
            try:
                result = read(*args, **kwargs)
            except sqlite3.Error as error:
                result = Unreadable(f"the store cannot be read: {error}")
                result.__cause__ = error
                if is_damaged(error):  # the next start copies what can be read
                    self._writer.fail(result)
            except Exception as error:  # noqa: BLE001 (raised where it is awaited)
                result = error
            report_results(((future, result),))

        self.give(run)
        return await future


def _run_all(jobs: Iterable[Callable[[], None]]) -> None:
    for job in jobs:
        job()
