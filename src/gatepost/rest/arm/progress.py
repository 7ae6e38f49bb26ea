"""Operations that take a while: where a client asks whether they are done."""

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from gatepost.directory.azure.paths import new_guid

MOST_KEPT: Final = 1000
"""Results that are kept for who may still ask."""


@dataclass(frozen=True, slots=True)
class Running:
    """An operation, under way or done."""

    id: str
    resource_id: str
    started: datetime
    ended: datetime | None = None


class Progress:
    """What was begun and is not awaited; lost with the process, as are the tasks."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Running] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, resource_id: str, now: datetime, *, done: bool) -> Running:
        """Return a new operation on a resource."""
        running = Running(new_guid(), resource_id, now, now if done else None)
        self._known[running.id] = running
        while len(self._known) > MOST_KEPT:
            self._known.popitem(last=False)
        return running

    def run(self, running: Running, work: Coroutine[Any, Any, datetime]) -> None:
        """Let ``work`` go on after the answer; it returns when it ended."""

        async def finish() -> None:
            ended = running.started
            try:
                ended = await work
            finally:
                if running.id in self._known:
                    self._known[running.id] = replace(running, ended=ended)

        task = asyncio.create_task(finish())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def get(self, id: str) -> Running | None:
        """Return an operation that is known here."""
        return self._known.get(id.lower())
