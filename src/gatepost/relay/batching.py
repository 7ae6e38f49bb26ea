"""Collects complete messages of an event loop, and stores them as a group.

One commit costs the store about the same for a group as for one message. As long as clients send
something, more messages may soon be complete; a group is stored once no client has sent anything
for some turns of the event loop. (PostgreSQL has ``commit_delay`` for this; unlike an event loop,
it cannot see whether more is about to come.)
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final, cast

from gatepost.model.message import Submission
from gatepost.queue.store_contract import Store

LINGER: Final = 0.001
"""Maximum number of seconds that a message waits for others; a client that is alone does not wait.
"""
PATIENCE: Final = 2
"""Turns of the loop without input, for each message of the last group, to wait while this group is
smaller than the last one."""

Settled = Callable[["asyncio.Future[None]"], None]
"""Takes the completed future of ``Store.put``."""


class Batcher:
    """Puts the messages of one event loop into a store, in groups."""

    __slots__ = ("_before", "_due", "_held", "_last", "_silent", "_store", "inputs")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: list[tuple[Submission, Settled]] = []
        self._due = 0.0
        self._last = 1
        """Number of messages in the last group; about as many are expected again."""
        self.inputs = 0
        """How many times clients have sent something; receivers increment it."""
        self._before: int | None = None
        """``inputs`` at the last look."""
        self._silent = 0
        """Consecutive turns in which no client has sent anything."""

    def put(self, submission: Submission, settled: Settled) -> None:
        """Put ``submission`` soon; ``settled`` gets the outcome, whatever happens meanwhile."""
        if not self._held:
            self._due = time.monotonic() + LINGER
            self._before = None
            asyncio.get_running_loop().call_soon(self._look)
        self._held.append((submission, settled))

    def _look(self) -> None:
        """Store the group if no client sends anything, or LINGER is over."""
        before, self._before = self._before, self.inputs
        self._silent = self._silent + 1 if before == self.inputs else 0
        patience = 1 if len(self._held) >= self._last else PATIENCE * self._last
        if self._silent < patience and time.monotonic() < self._due:
            asyncio.get_running_loop().call_soon(self._look)
            return
        held, self._held = self._held, []
        self._last, self._silent = len(held), 0
        for submission, settled in held:
            self._hand_over(submission).add_done_callback(settled)

    def _hand_over(self, submission: Submission) -> "asyncio.Future[None]":
        try:
            return cast("asyncio.Future[None]", self._store.put(submission))
        except Exception as error:  # noqa: BLE001 - it is one message's, and its sender's to hear
            failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            failed.set_exception(error)
            return failed
