"""Limits of next hops that hold for all nodes together."""

import asyncio
from collections.abc import Callable
from typing import Final

from gatepost.errors import QueueError
from gatepost.queue.cluster_contract import Cluster
from gatepost.queue.shared_slots import ReservedSlots, share_of
from gatepost.relay.shared_pauses import SharedPauses

AGAIN: Final = 1.0
"""Seconds until the next attempt to reserve something, if the store does not answer."""
REMEMBERED: Final = 20_000
"""Maximum number of next hops with reserved times."""


class SharedLimits:
    """Divides connections and rates among the nodes of a cluster. ``seconds`` is a monotonic
    clock."""

    def __init__(self, cluster: Cluster, seconds: Callable[[], float]) -> None:
        self._cluster, self._seconds = cluster, seconds
        self.pauses = SharedPauses(cluster)
        self._slots: dict[str, ReservedSlots] = {}
        self._asking: set[asyncio.Task[None]] = set()
        self._waiting: set[str] = set()

    def connections(self, key: str, number: int) -> int:
        """Return how many of a next hop's connections this node may use."""
        rank, nodes = self._cluster.place
        return share_of(number, key, rank, nodes)

    def wait(self, on_wire: str, rate: float, changed: Callable[[], None]) -> float:
        """Return the seconds until the next message may be sent to a next hop. ``on_wire`` is the
        key by which all nodes know it, ``rate`` its messages a minute; ``changed`` is called when
        times are reserved."""
        slots = self._slots.get(on_wire)
        if slots is None or slots.rate != rate:
            if len(self._slots) >= REMEMBERED:
                self._slots.pop(next(iter(self._slots)))
            slots = self._slots[on_wire] = ReservedSlots(rate)
        seconds = slots.wait(self._seconds())
        if seconds is not None:
            return seconds
        if on_wire not in self._waiting:
            self._waiting.add(on_wire)
            task = asyncio.ensure_future(self._reserve(on_wire, slots, changed))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        return AGAIN

    def has_time(self, on_wire: str) -> bool:
        """Tell whether a message may be sent now."""
        slots = self._slots.get(on_wire)
        return slots is not None and slots.wait(self._seconds()) == 0

    def take(self, on_wire: str) -> None:
        """Use the time for which ``wait`` has returned 0."""
        self._slots[on_wire].take()

    async def _reserve(
        self, on_wire: str, slots: ReservedSlots, changed: Callable[[], None]
    ) -> None:
        try:
            slots.plan()
            asked = self._seconds()
            delay = await self._cluster.reserve(on_wire, slots.wanted, slots.step)
            slots.add(asked + delay, self._seconds() - asked)
        except QueueError:
            await asyncio.sleep(AGAIN)
        finally:
            self._waiting.discard(on_wire)
            changed()
