"""What happens in a relay, published for those who watch, and counted for each next hop."""

import asyncio
import itertools
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from gatepost.control.next_hop_operations import NextHopControl
from gatepost.control.session_documents import session_document
from gatepost.control.session_operations import SessionControl
from gatepost.errors import GatepostError
from gatepost.rest.console_api.event_bus import EventBus

if TYPE_CHECKING:  # not before the first connection
    from gatepost.mailbox.mailbox import Mailbox, MailboxChange

QUEUE_EVERY: Final = 0.25
"""Seconds between two events with the numbers of the queue."""
UNASKED: Final = 8
"""Times this, the queue is counted even if nothing is known to have changed."""
DEPTHS_EVERY: Final = 60.0
"""Seconds between two counts of what waits for each next hop."""
_OF_QUEUE: Final = frozenset({
    "message_delivered", "message_deferred", "message_failed", "message_dropped", "accepted",
})  # fmt: skip
"""Operator events after which the numbers of the queue have changed."""


class PublishedEvents:
    """Publishes what happens in a relay, and feeds the series of next hops."""

    def __init__(self, next_hops: NextHopControl, *, has_queue: bool) -> None:
        """``has_queue``: mail is delivered, not only captured."""
        self.bus, self._next_hops, self._has_queue = EventBus(), next_hops, has_queue
        self._has_changed = False
        """The queue has, since its numbers were published."""
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to count the queue, if there is one."""
        if self._has_queue:
            self._tasks = [
                asyncio.create_task(self._publish_queue()),
                asyncio.create_task(self._record_depths()),
            ]

    async def close(self) -> None:
        """Stop counting."""
        for each in self._tasks:
            each.cancel()
        for each in self._tasks:
            with suppress(asyncio.CancelledError):
                await each

    def take_event(self, event: str, facts: Mapping[str, Any]) -> None:
        """Publish an operator event."""
        self.bus.publish(event, facts)
        if event in _OF_QUEUE and self._has_queue:
            self._has_changed = True
            if "next_hop" in facts:
                self._record(event, facts)

    def _record(self, event: str, facts: Mapping[str, Any]) -> None:
        next_hops, key = self._next_hops, facts["next_hop"]
        series, now = next_hops.series, next_hops.now().timestamp()
        if event == "message_delivered":
            series.record_delivery(key, facts.get("seconds", 0.0), now)
        elif event == "message_deferred":
            series.record_deferral(key, facts["reply"], now)
        elif event == "message_failed":
            series.record_failure(key, now)

    def take_session(self, control: SessionControl, id_: str) -> None:
        """Publish a session that has ended."""

        def make() -> dict[str, Any]:
            """The archive has the record, unless it had no room for it any more."""
            kept = control.archive.find(id_)
            if kept is None:
                return {"id": id_}
            return session_document(kept, control.application_name(kept))

        self.bus.publish("session", make)

    def follow_mailbox(self, mailbox: "Mailbox") -> None:
        """Publish the changes of captured mail, an event for each message."""
        mailbox.listeners.add(self._take_change)

    def _take_change(self, change: "MailboxChange") -> None:
        if not change.ids:
            self.bus.publish(change.kind, {"all": True})
        for each in change.ids:
            self.bus.publish(change.kind, {"id": each})

    async def note_directory(self) -> None:
        """Publish that the directory has changed."""
        self.bus.publish("directory", {})

    async def _publish_queue(self) -> None:
        """Publish the numbers of the queue when they have changed, while anybody watches.

        What commands do to the queue has no event, so it is also counted now and then.
        """
        before: Mapping[str, int] = {}
        for turn in itertools.count():
            await asyncio.sleep(QUEUE_EVERY)
            is_due = self._has_changed or turn % UNASKED == 0
            if not (is_due and self.bus.has_readers):
                continue
            self._has_changed = False
            with suppress(GatepostError):
                counts = (await self._next_hops.queue.deliveries.count()).values()
                names = ("waiting", "leased", "held")
                numbers = {each: sum(getattr(one, each) for one in counts) for each in names}
                if numbers != before:
                    before = numbers
                    self.bus.publish("queue", numbers)

    async def _record_depths(self) -> None:
        next_hops = self._next_hops
        while True:
            with suppress(GatepostError):
                counts = await next_hops.queue.deliveries.count()
                depths = {
                    key: each.waiting + each.leased + each.held for key, each in counts.items()
                }
                next_hops.series.record_depths(depths, next_hops.now().timestamp())
            await asyncio.sleep(DEPTHS_EVERY)
