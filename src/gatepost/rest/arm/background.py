"""Operations that take time, whose status clients request."""

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from gatepost.directory.azure.resource_ids import new_guid

MOST: Final = 1000
"""Operations whose results can be requested."""


@dataclass(frozen=True, slots=True)
class BackgroundOperation:
    """An operation, in progress or finished."""

    id: str
    resource_id: str
    started: datetime
    ended: datetime | None = None


class BackgroundOperations:
    """Background operations; they are lost with the process, as are their tasks."""

    def __init__(self) -> None:
        self._operations: OrderedDict[str, BackgroundOperation] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, resource_id: str, now: datetime, *, done: bool) -> BackgroundOperation:
        """Return a new operation on a resource."""
        operation = BackgroundOperation(new_guid(), resource_id, now, now if done else None)
        self._operations[operation.id] = operation
        while len(self._operations) > MOST:
            self._operations.popitem(last=False)
        return operation

    def run(self, operation: BackgroundOperation, work: Coroutine[Any, Any, datetime]) -> None:
        """Continue ``work`` after the response; it returns its end."""

        async def finish() -> None:
            ended = operation.started
            try:
                ended = await work
            finally:
                if operation.id in self._operations:
                    self._operations[operation.id] = replace(operation, ended=ended)

        task = asyncio.create_task(finish())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def get(self, id: str) -> BackgroundOperation | None:
        """Return an operation, if it has not been forgotten."""
        return self._operations.get(id.lower())
