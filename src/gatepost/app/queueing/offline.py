"""The queue of a store that no relay uses."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from gatepost.app.queueing.operations import QueueControl, operate_queue
from gatepost.store.sqlite import SqliteStore


def _now() -> datetime:
    return datetime.now(UTC)


def own_queue(store: SqliteStore) -> Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]:
    """Return a function that runs operations on the queue of ``store``."""
    return partial(operate_queue, QueueControl(store.deliveries, _now))
