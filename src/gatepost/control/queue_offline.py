"""The queue of a store that no relay uses."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from gatepost.control.queue_operations import QueueControl, operate_queue
from gatepost.model.route import Route
from gatepost.queue.deliveries_contract import Deliveries


def _now() -> datetime:
    return datetime.now(UTC)


def open_offline_queue(
    deliveries: Deliveries, routes: Callable[[], Sequence[Route]] = tuple
) -> Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]:
    """Return a function that runs operations on ``deliveries``.

    ``routes`` returns the configured routes; it is called only if they are needed, once.
    """
    return partial(operate_queue, QueueControl(deliveries, _now, routes=cache(routes)))
