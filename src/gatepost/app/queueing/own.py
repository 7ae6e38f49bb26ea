"""The queue of a store that no relay has open."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from gatepost.app.queueing.operations import QueueDesk, operate_queue
from gatepost.store.sqlite import open_store


def _now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def own_queue(
    data: Path,
) -> AsyncIterator[Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]]:
    """Open the store of ``data`` and give what runs an operation on its queue.

    Raises Unreadable when it cannot be opened (StoreLocked while a relay starts or stops).
    """
    store = open_store(data)
    try:
        yield partial(operate_queue, QueueDesk(store.deliveries, _now))
    finally:
        store.close()
