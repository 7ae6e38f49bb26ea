"""Looks through a queue in batches, so that nothing waits for it."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from gatepost.model.delivery import Delivery
from gatepost.queue.deliveries_contract import Cursor, Deliveries, QueueSelection


async def look_through(
    deliveries: Deliveries, selection: QueueSelection
) -> AsyncIterator[Sequence[Delivery]]:
    """Yield the selected deliveries in batches. Between them are pauses for mail and leases, which
    are twice as long as each batch took, with all that was done with it."""
    loop, is_first = asyncio.get_running_loop(), True
    after: Cursor | None = None
    while is_first or after is not None:
        begun, is_first = loop.time(), False
        some: Sequence[Delivery]
        some, after = await deliveries.select(selection, after)
        if some:
            yield some
        await asyncio.sleep(2 * (loop.time() - begun))
