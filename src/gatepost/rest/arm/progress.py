"""Operations that take time, whose status clients request."""

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from gatepost.directory.azure.paths import new_guid

MOST_KEPT: Final = 1000
"""Number of results that are kept."""


@dataclass(frozen=True, slots=True)
class Running:
    """An operation, in progress or finished."""

    id: str
    resource_id: str
    started: datetime
    ended: datetime | None = None


class Progress:
    """Background operations; they are lost with the process, as are their tasks."""

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
        """Continue ``work`` after the response; it returns its end."""

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
        """Return a known operation."""
        return self._known.get(id.lower())
