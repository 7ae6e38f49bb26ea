"""A thread that processes everything that has arrived since its last turn as one group."""

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final, Generic, TypeVar

T = TypeVar("T")


class Stop:
    """The last item of a queue, for one of its threads."""


_STOP: Final = Stop()


class BatchThread(Generic[T]):
    """Runs `work` on groups of at most `most` items, in order of arrival.

    Neither `work` nor the tick of ``start`` should raise. If they do, ``on_fault`` is called in the
    thread, which continues. ``give`` may be called from any thread; items given after ``stop`` are
    ignored. Threads may share a `queue`: whoever is free takes everything that has arrived.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[list[T]], None],
        most: int,
        on_fault: Callable[[Exception], None],
        queue: "SimpleQueue[T | Stop] | None" = None,
    ) -> None:
        self._work, self._most, self._on_fault = work, most, on_fault
        self._tick: Callable[[], float] | None = None
        self._due: float | None = None
        self._queue = SimpleQueue[T | Stop]() if queue is None else queue
        self.give: Callable[[T], None] = self._queue.put
        # A daemon, because a store that failed must be left as it is, not closed (see Writer).
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self, tick: Callable[[], float] | None = None, after: float = 0.0) -> None:
        """Start the thread; items given before are processed now.

        `tick` runs `after` seconds from now, between two groups, and returns the seconds until its
        next run.
        """
        if tick is not None:
            self._tick, self._due = tick, time.monotonic() + after
        self._thread.start()

    def stop(self) -> None:
        """Process the remaining items and end the thread."""
        self.end()
        self.join()

    def end(self) -> None:
        """End one of the threads that share the queue, when it has processed what was given."""
        self._queue.put(_STOP)

    def join(self) -> None:
        """Wait for the end of the thread."""
        self._thread.join()

    @property
    def is_behind(self) -> bool:
        """Whether items are waiting."""
        return not self._queue.empty()

    def _run(self) -> None:
        while True:
            group, stopping = self._take()
            try:
                if group:
                    self._work(group)
                if not stopping:
                    self._tick_if_due()
            except Exception as error:  # noqa: BLE001 - a thread that ended would be waited for
                self._on_fault(error)
            if stopping:
                return

    def _tick_if_due(self) -> None:
        if self._tick and self._due is not None and time.monotonic() >= self._due:
            self._due = None  # a tick that raises is not repeated
            self._due = time.monotonic() + self._tick()

    def _take(self) -> tuple[list[T], bool]:
        """Wait for an item, at most until the tick is due; return it with those after it."""
        group: list[T] = []
        get, due = self._queue.get, self._due
        try:
            item = get(timeout=None if due is None else max(0.0, due - time.monotonic()))
            while not isinstance(item, Stop):
                group.append(item)
                if len(group) >= self._most:
                    return group, False
                item = get(block=False)
        except Empty:
            return group, False
        return group, True
