"""Bounds what mail to the domain for bounces takes in the store: anybody may send there."""

import asyncio
from collections import OrderedDict
from itertools import islice
from typing import Final

from gatepost.errors import QueueError
from gatepost.model.message import StoredMessage, Submission
from gatepost.model.operator_event import ReportEvent
from gatepost.model.units import MIB
from gatepost.queue.store_contract import Selection, Store

MOST: Final = 10_000
"""Messages that are kept."""
MOST_OCTETS: Final = 256 * MIB
"""Octets of them together."""
_AT_ONCE: Final = 256
"""Messages that are deleted in one call."""


class KeptBounces:
    """The captured messages of a domain; of too many, or too large ones, the oldest are deleted."""

    def __init__(self, domain: str, store: Store, report: ReportEvent) -> None:
        """``domain`` is in lower case."""
        self._domain, self._store, self._report = domain, store, report
        self._sizes: OrderedDict[str, int] | None = None
        """By id, oldest first; None: not read yet."""
        self._octets = 0
        self._turn = asyncio.Lock()

    async def add(self, submission: Submission) -> None:
        """Note a message that is captured now, and delete what is too much. A failure of the store
        is left to the next message."""
        async with self._turn:
            try:
                if self._sizes is None:
                    await self._load()
                self._note(submission.id, submission.body.size)
                await self._delete_surplus()
            except QueueError:
                return

    async def _load(self) -> None:
        """Read those that were captured before a restart."""
        newest = await self._store.list(Selection(limit=4 * MOST))
        self._sizes, self._octets = OrderedDict(), 0
        for each in reversed(newest):
            if self._is_bounce(each):
                self._note(each.id, each.size)

    def _is_bounce(self, message: StoredMessage) -> bool:
        return any(each.lower().endswith(f"@{self._domain}") for each in message.rcpt_to)

    def _note(self, id: str, size: int) -> None:
        if self._sizes is not None and id not in self._sizes:
            self._sizes[id] = size
            self._octets += size

    async def _delete_surplus(self) -> None:
        sizes = self._sizes or OrderedDict()
        deleted = octets = 0
        while surplus := self._surplus():
            deleted += await self._store.delete(surplus)
            size = sum(map(sizes.pop, surplus))
            self._octets -= size
            octets += size
        if deleted:
            self._report("bounces_deleted", count=deleted, octets=octets)

    def _surplus(self) -> list[str]:
        """Return the oldest messages that are too much, as many as are deleted at once."""
        sizes = self._sizes or OrderedDict()
        too_many, too_large = len(sizes) - MOST, self._octets - MOST_OCTETS
        surplus: list[str] = []
        for id_, size in islice(sizes.items(), _AT_ONCE):
            if too_many <= 0 and too_large <= 0:
                break
            surplus.append(id_)
            too_many, too_large = too_many - 1, too_large - size
        return surplus
