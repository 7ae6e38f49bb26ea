"""Group commit: one sync for everything that arrived during the last one.

This module decides when a group is committed, and in which thread. ``store_thread.py`` has these
threads, and ``transaction.py`` the transaction, whose COMMIT syncs the database as the PRAGMAs of
``opening.py`` say. ``durable_calls.py`` syncs the files of large bodies.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from enum import Enum
from functools import partial
from typing import Final

from gatepost.store.sqlite.body_writer import BodyWriter
from gatepost.store.sqlite.group_writes import WaitedWrite
from gatepost.store.sqlite.store_thread import Writer

LINGER: Final = 0.002
"""Seconds that a write without a waiting client waits at most for others to share the commit."""
POSTPONE: Final = 0.01
"""Seconds that an event loop waits at most for the store thread to finish."""


class CommitState(Enum):
    """What happens to the writes that event loops gather.

    An event loop makes all changes, except that the sync thread ends SYNCING. There is usually one
    loop; if there are several, each write has a callback of its loop that looks after it.
    """

    IDLE = "no commit is due"
    """A loop begins COLLECTING with the first urgent write. A write that is not urgent waits for
    urgent ones, or for LINGER."""
    COLLECTING = "a loop commits in its next turn"
    """Then it writes the rows, and begins SYNCING. If the store thread commits, or has something to
    commit, the loop begins POSTPONED instead."""
    POSTPONED = "a loop waits for the store thread"
    """When that has done what it was given, it tells the loop, which commits. After POSTPONE, or if
    the store thread has more to do, the loop leaves everything to it, and is IDLE."""
    SYNCING = "the last group is being synced"
    """The sync thread commits what the loop has written, reports the results, and makes it IDLE.
    What came meanwhile is the next group, in the next turn of the loop. If the loop cannot write,
    it leaves the group to the store thread, and is IDLE."""


IDLE, COLLECTING, POSTPONED, SYNCING = CommitState  # quicker to look up


class GroupCommit:
    """Gathers the writes that event loops commit themselves, as they do while the disk is quick.

    ``add``, ``pass_on`` and ``flush`` are for loops; ``flush`` also for the end, in any thread.
    """

    def __init__(self, writer: Writer, bodies: BodyWriter) -> None:
        self._writer, self._bodies = writer, bodies
        self.state = IDLE
        self._gathered: deque[WaitedWrite] = deque()
        self._number = 0
        """Of the group that is being gathered; the timers of an earlier one are out of date."""
        writer.on_free = self._resume

    def add(self, operation: WaitedWrite, *, urgent: bool) -> None:
        """Commit a write in the loop's next turn, or as soon as the current sync ends; one that is
        not urgent with others, or a moment later."""
        if self.state is IDLE and urgent:
            self.state = COLLECTING
            operation.future.get_loop().call_soon(self._commit)
        elif not self._gathered and self.state in (IDLE, SYNCING):
            # SYNCING: its end may have seen nothing to commit just before
            loop = operation.future.get_loop()
            loop.call_later(LINGER, self._commit_if_current, self._number)
        self._gathered.append(operation)

    def pass_on(self, operations: Iterable[WaitedWrite]) -> None:
        """Let the store thread commit these, after the body thread where there are large bodies."""
        for operation in operations:
            if self._bodies.has_large_body(operation):
                self._bodies.give(operation)
            else:
                self._writer.give(operation)

    def flush(self) -> None:
        """Pass on everything that was gathered."""
        self.pass_on(self._take())

    def _commit(self) -> None:
        """Write the rows of what was gathered, unless another thread commits."""
        if self.state is COLLECTING:
            self.state = IDLE
        if not self._gathered:
            return
        loop = asyncio.get_running_loop()
        if self.state is SYNCING:
            loop.call_later(LINGER, self._commit_if_current, self._number)
        elif self._writer.try_reserve():
            bodies = self._bodies
            group = bodies.allot(self._take())
            self.state = SYNCING
            end_sync = partial(self._end_sync, loop)
            if not self._writer.try_begin(group, bodies.sync_allotted, end_sync):
                self.state = IDLE
                bodies.take_back(group)
                self.pass_on(group)
        elif self.state is not POSTPONED:
            self.state = POSTPONED
            loop.call_later(POSTPONE, self._commit_or_pass_on, self._number)

    def _commit_if_current(self, number: int) -> None:
        if number == self._number:
            self._commit()

    def _commit_or_pass_on(self, number: int) -> None:
        self._commit_if_current(number)
        if number == self._number:
            self.flush()

    def _resume(self) -> None:
        """In the store thread, which has done what it was given: let a postponed loop commit."""
        if self.state is POSTPONED:
            with suppress(IndexError, RuntimeError):  # nothing is left, or the loop was closed
                loop = self._gathered[0].future.get_loop()
                loop.call_soon_threadsafe(self._commit_or_pass_on, self._number)

    def _end_sync(self, loop: asyncio.AbstractEventLoop) -> None:
        """In the sync thread: let the loop commit what was gathered meanwhile."""
        self.state = IDLE
        if self._gathered:
            with suppress(RuntimeError):  # the loop was closed
                loop.call_soon_threadsafe(self._commit)

    def _take(self) -> list[WaitedWrite]:
        """Take what was gathered; another loop, in another thread, may take some of it."""
        self._number += 1
        if self.state is POSTPONED:
            self.state = IDLE
        group: list[WaitedWrite] = []
        with suppress(IndexError):
            while True:
                group.append(self._gathered.popleft())
        return group
