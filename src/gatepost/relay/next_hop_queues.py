"""Leases in memory, one queue for each next hop, and whose turn it is."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from gatepost.model.body import Body
from gatepost.model.delivery import Lease
from gatepost.model.route import NextHop
from gatepost.relay.attempt import Clear
from gatepost.relay.traffic import Pause

HOLD: Final = 5.0
"""Seconds of a rest for which leases are kept in memory; for a longer one they are given back."""


class Content:
    """A message's content in memory, for as many deliveries as it has."""

    __slots__ = ("body", "uses")

    def __init__(self, body: Body, uses: int) -> None:
        self.body, self.uses = body, uses


class Held:
    """A lease in memory; ``content`` None: it is read when it is needed."""

    __slots__ = ("content", "is_called_off", "lease")

    def __init__(self, lease: Lease, content: Content | None) -> None:
        self.lease, self.content = lease, content
        self.is_called_off = False
        """An operator holds or drops it while it is being tried."""


class NextHopQueue:
    """What waits in memory for one next hop."""

    __slots__ = ("held", "is_ready", "next_hop", "parked_on", "timer")

    def __init__(self, next_hop: NextHop) -> None:
        self.next_hop = next_hop
        self.held: deque[Held] = deque()
        self.is_ready = False
        self.parked_on = ""
        self.timer: asyncio.TimerHandle | None = None


class NextHopQueues:
    """Gives every next hop its turn.

    ``choose`` tells whether a queue's first delivery may be tried, ``ready`` is called when there
    is something to ask it about, ``rests`` gets a queue that has to wait for longer than HOLD.
    """

    def __init__(
        self,
        choose: Callable[[NextHopQueue], Clear | Pause],
        ready: Callable[[], None],
        rests: Callable[[NextHopQueue, Pause], None],
    ) -> None:
        self._choose, self._on_ready, self._rests = choose, ready, rests
        self._queues: dict[str, NextHopQueue] = {}
        self._ready: deque[NextHopQueue] = deque()
        self._parked: dict[str, dict[str, NextHopQueue]] = {}
        self.count = 0
        """Leases in all queues."""

    def __len__(self) -> int:
        """Return how many queues there are."""
        return len(self._queues)

    @property
    def is_ready(self) -> bool:
        """Some queue may have its turn."""
        return bool(self._ready)

    def length(self, key: str) -> int:
        """Return how many wait for a next hop."""
        queue = self._queues.get(key)
        return len(queue.held) if queue else 0

    def ahead_of(self, delivery: str, key: str) -> int | None:
        """Return how many are in front of a delivery in its queue; None: it is not in it."""
        queue = self._queues.get(key)
        for number, held in enumerate(queue.held if queue else ()):
            if held.lease.delivery.id == delivery:
                return number
        return None

    def add(self, held: Held, *, first: bool = False) -> NextHopQueue:
        """Let a lease wait; ``first``: it had its turn, and could not use it."""
        next_hop = held.lease.delivery.next_hop
        queue = self._queues.get(next_hop.key)
        if queue is None:
            queue = self._queues[next_hop.key] = NextHopQueue(next_hop)
        if first:
            queue.held.appendleft(held)
        else:
            queue.held.append(held)
        self.count += 1
        if not queue.parked_on:
            self._make_ready(queue)
        return queue

    def next(self) -> tuple[Held, Clear] | None:
        """Return what is tried now; None when nothing can be."""
        while self._ready:
            queue = self._ready.popleft()
            queue.is_ready = False
            if queue.parked_on:
                continue  # it was put back meanwhile
            if not queue.held:
                self._drop(queue)
                continue
            choice = self._choose(queue)
            if isinstance(choice, Pause):
                self.pause(queue, choice)
                continue
            held = queue.held.popleft()
            self.count -= 1
            if queue.held:
                self._make_ready(queue)
            else:
                self._drop(queue)
            return held, choice
        return None

    def pause(self, queue: NextHopQueue, pause: Pause) -> None:
        """Let a queue wait for what it waits for."""
        if pause.obstacle is not None and pause.seconds > HOLD:
            self._rests(queue, pause)
            return
        self._unmark(queue)
        queue.parked_on = pause.key or queue.next_hop.key
        self._parked.setdefault(queue.parked_on, {})[queue.next_hop.key] = queue
        loop = asyncio.get_running_loop()
        queue.timer = loop.call_later(max(0.01, pause.seconds), self._unpark, queue)

    def changed(self, key: str) -> None:
        """Give the next queue its turn that waits for this; its own end gives it to the next."""
        parked = self._parked.get(key)
        if parked:
            self._unpark(next(iter(parked.values())))

    def hurry(self, key: str) -> None:
        """Give the queue of a next hop its turn now, whatever it waits for."""
        queue = self._queues.get(key)
        if queue is not None and queue.parked_on:
            self._unpark(queue)

    def take_all(self, key: str = "") -> list[Held]:
        """Empty the queue of a next hop, or all queues, and return what was in them."""
        taken: list[Held] = []
        for queue in [self._queues[key]] if key else list(self._queues.values()):
            taken += queue.held
            queue.held.clear()
            self._unmark(queue)
            self._drop(queue)
        self.count -= len(taken)
        return taken

    def take_if(self, wanted: Callable[[Held], bool]) -> list[Held]:
        """Take those out of their queues that are wanted."""
        taken: list[Held] = []
        for queue in self._queues.values():
            kept: deque[Held] = deque()
            for each in queue.held:
                (taken if wanted(each) else kept).append(each)
            queue.held = kept
        self.count -= len(taken)
        return taken

    def take_beyond(self, most: int) -> list[Held]:
        """Take what is behind the first ``most`` of each queue."""
        taken: list[Held] = []
        for queue in self._queues.values():
            while len(queue.held) > most:
                taken.append(queue.held.pop())
        self.count -= len(taken)
        return taken

    def __iter__(self) -> Iterator[NextHopQueue]:
        """Iterate over the queues as they are now."""
        return iter(list(self._queues.values()))

    def _make_ready(self, queue: NextHopQueue) -> None:
        if not queue.is_ready:
            queue.is_ready = True
            self._ready.append(queue)
        self._on_ready()

    def _unpark(self, queue: NextHopQueue) -> None:
        self._unmark(queue)
        if queue.held:
            self._make_ready(queue)
        else:
            self._drop(queue)

    def _unmark(self, queue: NextHopQueue) -> None:
        if queue.timer is not None:
            queue.timer.cancel()
            queue.timer = None
        parked = self._parked.get(queue.parked_on)
        if parked is not None:
            parked.pop(queue.next_hop.key, None)
            if not parked:
                del self._parked[queue.parked_on]
        queue.parked_on = ""

    def _drop(self, queue: NextHopQueue) -> None:
        """Forget an empty queue; one that is in the row of the ready is forgotten in its turn."""
        if not queue.is_ready and self._queues.get(queue.next_hop.key) is queue:
            del self._queues[queue.next_hop.key]
