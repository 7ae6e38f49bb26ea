"""Messages that are complete, held back for the moment that makes them one group.

A commit costs the store as much for one message as for several. As long as clients have
something to say, more messages are about to be complete; once the loop has heard everybody out,
what is held goes to the store together. (So does PostgreSQL with ``commit_delay``; it cannot
see whether anybody is about to follow, an event loop can.)
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final, cast

from gatepost.model.message import Submission
from gatepost.queue.contract import Store

LINGER: Final = 0.001
"""Seconds that a message waits for others at most; for a client that is alone it is none."""
PATIENCE: Final = 2
"""Silent turns of the loop for each message of the last group, while this one is smaller."""

Settled = Callable[["asyncio.Future[None]"], None]
"""Takes what ``Store.put`` returned, done."""


class Batcher:
    """The way of one event loop's messages into a store."""

    __slots__ = ("_before", "_due", "_held", "_last", "_silent", "_store", "heard")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: list[tuple[Submission, Settled]] = []
        self._due = 0.0
        self._last = 1
        """Messages in the last group: as many will come together again."""
        self.heard = 0
        """How many times a client has said something; whoever hears one counts it here."""
        self._before: int | None = None
        """``heard`` when we looked last."""
        self._silent = 0
        """Turns since then in which nobody said anything."""

    def put(self, submission: Submission, settled: Settled) -> None:
        """Put ``submission`` soon; ``settled`` gets the outcome, whatever happens meanwhile."""
        if not self._held:
            self._due = time.monotonic() + LINGER
            self._before = None
            asyncio.get_running_loop().call_soon(self._look)
        self._held.append((submission, settled))

    def _look(self) -> None:
        """Hand over when everybody was heard out, or it has been long enough."""
        before, self._before = self._before, self.heard
        self._silent = self._silent + 1 if before == self.heard else 0
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
