"""Looks through a queue in batches, so that nothing waits for it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from gatepost.model.delivery import Delivery
from gatepost.queue.deliveries_contract import Cursor, Deliveries, MessageOrigin, QueueSelection


class Page(NamedTuple):
    """The selected ones of some deliveries."""

    begin: Cursor | None
    """Where these begin; None: at the newest."""
    deliveries: Sequence[Delivery]
    accepted: Sequence[MessageOrigin]
    """For each of the deliveries."""


async def look_through(
    deliveries: Deliveries, selection: QueueSelection
) -> AsyncIterator[Sequence[Delivery]]:
    """Yield the selected deliveries in batches, as ``pages_from`` does."""
    async for page in pages_from(None, deliveries, selection):
        if page.deliveries:
            yield page.deliveries


async def pages_from(
    begin: Cursor | None, deliveries: Deliveries, selection: QueueSelection
) -> AsyncIterator[Page]:
    """Yield the selected deliveries page by page. Between them are pauses for mail and leases,
    which are twice as long as each page took, with all that was done with it."""
    loop = asyncio.get_running_loop()
    while True:
        begun = loop.time()
        some = await deliveries.select(selection, begin)
        yield Page(begin, some.deliveries, some.accepted)
        if some.after is None:
            return
        begin = some.after
        await asyncio.sleep(2 * (loop.time() - begun))
