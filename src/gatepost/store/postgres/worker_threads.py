"""Threads that share the work of a kind."""

from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Generic, TypeVar

from gatepost.store.batch_thread import BatchThread, Stop

T = TypeVar("T")


class WorkerThreads(Generic[T]):
    """A thread for each of ``works``, which get what was given, at most ``most`` items at a time.

    They start with the first item. ``tick`` is called in each thread, with its number, between its
    groups, and returns the seconds until it is called again.
    """

    def __init__(
        self,
        name: str,
        works: Sequence[Callable[[list[T]], None]],
        most: int,
        on_fault: Callable[[Exception], None],
        ticks: Sequence[Callable[[], float]] = (),
    ) -> None:
        self._queue: SimpleQueue[T | Stop] = SimpleQueue()
        self._threads = [
            BatchThread(f"gatepost-{name}", work, most, on_fault, self._queue) for work in works
        ]
        self._ticks = ticks
        self._has_started = False

    def start(self, after: float = 0.0) -> None:
        """Start the threads; their ticks come first in ``after`` seconds."""
        if self._has_started:
            return
        self._has_started = True
        for number, thread in enumerate(self._threads):
            thread.start(self._ticks[number] if self._ticks else None, after)

    def give(self, item: T) -> None:
        """Let one of the threads process it. For any thread."""
        if not self._has_started:
            self.start()
        self._queue.put(item)

    def stop(self) -> None:
        """Process what was given, and end the threads."""
        if self._has_started:
            for each in self._threads:
                each.end()
            for each in self._threads:
                each.join()
