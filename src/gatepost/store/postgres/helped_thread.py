"""A thread that does the work of a kind, and others that help it when there is much to do."""

import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Final, Generic, TypeVar

from gatepost.store.batch_thread import BatchThread, Stop

T = TypeVar("T")
MANY: Final = 64
"""How many items must wait until another thread helps. Fewer are better one group than two: a
transaction costs the same however little is in it."""
LONG: Final = 0.02
"""Seconds that a group may take until others help with what waits behind it."""


class HelpedThread(Generic[T]):
    """Gives what arrives to the first of ``works``, in its own thread, at most ``most`` items at a
    time, and to the others when it falls behind.

    The threads start with the first item. ``ticks`` are called in the threads, between groups, and
    return the seconds until they are called again.
    """

    def __init__(
        self,
        name: str,
        works: Sequence[Callable[[list[T]], None]],
        most: int,
        on_fault: Callable[[Exception], None],
        ticks: Sequence[Callable[[], float]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._ticks, self._clock = most, ticks, clock
        self._queue: SimpleQueue[T | Stop] = SimpleQueue()
        self._begun: float | None = None
        """When the first thread began its group; None: it waits."""
        self._called = False
        """Whether a helper was called that has not begun yet."""
        self._has_started = False
        first, *others = works
        self._first = BatchThread[T](
            f"gatepost-{name}", self._time(first), most, on_fault, self._queue
        )
        self._helpers = [
            BatchThread[bool](f"gatepost-{name}", self._help_with(each), 1, on_fault, calls)
            for calls in [SimpleQueue[bool | Stop]()]
            for each in others
        ]

    def give(self, item: T) -> None:
        """Let one of the threads process it. For any thread."""
        if not self._has_started:
            self._start()
        self._queue.put(item)
        if self._helpers and not self._called and self._is_behind():
            self._called = True
            self._helpers[0].give(True)

    def stop(self) -> None:
        """Process what was given, and end the threads."""
        if self._has_started:
            for each in self._helpers:
                each.end()
            for each in self._helpers:
                each.join()
            self._first.stop()

    def _start(self) -> None:
        self._has_started = True
        first, *others = self._ticks
        self._first.start(first)
        for thread, tick in zip(self._helpers, others, strict=True):
            thread.start(tick)

    def _is_behind(self) -> bool:
        begun = self._begun
        if begun is None:
            return False
        return self._queue.qsize() >= MANY or self._clock() - begun >= LONG

    def _time(self, work: Callable[[list[T]], None]) -> Callable[[list[T]], None]:
        """Return what does the work of the first thread, and notes when it begins."""

        def do(group: list[T]) -> None:
            self._begun = self._clock()
            try:
                work(group)
            finally:
                self._begun = None

        return do

    def _help_with(self, work: Callable[[list[T]], None]) -> Callable[[list[bool]], None]:
        """Return what a helper does when it is called: it takes what waits now."""

        def do(_call: list[bool]) -> None:
            self._called = False
            if group := self._take():
                work(group)

        return do

    def _take(self) -> list[T]:
        group: list[T] = []
        try:
            while len(group) < self._most:
                item = self._queue.get(block=False)
                if isinstance(item, Stop):  # for the first thread, which comes after everything
                    self._queue.put(item)
                    break
                group.append(item)
        except Empty:
            pass
        return group
