"""Deletions that can be undone: messages are hidden at once, and deleted a little later."""

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from gatepost.mailbox.mailbox import Mailbox, with_ids
from gatepost.queue.mailbox_contract import Term, Terms

DELAY: Final = 10.0
"""Seconds in which a deletion can be undone."""
_MOST: Final = 20
"""Deletions that wait at the same time; further ones are final."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """Messages that will be deleted."""

    id: str
    ids: Sequence[str]
    task: "asyncio.Task[None]"


class Deletions:
    """The deletions that have not been made yet."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._waiting: dict[str, Deletion] = {}

    @property
    def hidden(self) -> Terms:
        """The terms that hide what will be deleted."""
        ids = frozenset(each for one in self._waiting.values() for each in one.ids)
        return (Term(with_ids(ids).condition, is_negated=True),) if ids else ()

    async def begin(self, ids: Sequence[str]) -> str:
        """Hide messages, and delete them after DELAY; return the id of the deletion."""
        if len(self._waiting) >= _MOST:
            await self._finish(next(iter(self._waiting)))
        id_ = secrets.token_urlsafe(9)
        self._waiting[id_] = Deletion(id_, ids, asyncio.create_task(self._wait(id_)))
        return id_

    def size(self, id_: str) -> int:
        """Return how many messages a deletion concerns; 0 if it was made or undone."""
        waiting = self._waiting.get(id_)
        return len(waiting.ids) if waiting else 0

    def undo(self, id_: str) -> int:
        """Show the messages again; return their number, 0 if it is too late."""
        waiting = self._waiting.pop(id_, None)
        if waiting is None:
            return 0
        waiting.task.cancel()
        return len(waiting.ids)

    async def close(self) -> None:
        """Delete now what waits."""
        for id_ in list(self._waiting):
            await self._finish(id_)

    async def _wait(self, id_: str) -> None:
        await asyncio.sleep(DELAY)
        await self._delete(self._waiting[id_])

    async def _finish(self, id_: str) -> None:
        waiting = self._waiting[id_]
        waiting.task.cancel()
        with suppress(asyncio.CancelledError):
            await waiting.task
        await self._delete(waiting)

    async def _delete(self, waiting: Deletion) -> None:
        if waiting.ids:
            await self._mailbox.everything().delete((with_ids(waiting.ids),))
        self._waiting.pop(waiting.id, None)
