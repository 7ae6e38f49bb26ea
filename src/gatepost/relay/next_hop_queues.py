"""Leased deliveries in memory: one queue for each next hop, served in turn."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Final

from gatepost.model.body import Body
from gatepost.model.delivery import Lease
from gatepost.model.route import NextHop
from gatepost.queue.pause import Pause
from gatepost.relay.attempt_permit import CROWDED, SOON, Wait
from gatepost.relay.reroute_order import RerouteOrder
from gatepost.relay.target_choice import ReadyTarget

TURNS: Final = 50
"""Queues that are looked at in one go for one that may be tried."""
CROWD: Final = 8
"""Queues that wait for room may fill at most one in CROWD of the capacity."""
LONG: Final = 30.0
"""Shortest pause in seconds of other ones that wait for room; they do so in the store."""
_NO_ROOM: Final = Pause(
    "", "silent", LONG, "there is no room for more connections, because many servers do not answer"
)
SHORT: Final = 5.0
"""The longest pause in seconds during which leases stay in memory; for longer ones they are
returned."""


class Content:
    """A message's content in memory; ``uses`` is the number of deliveries that still need it."""

    __slots__ = ("body", "uses")

    def __init__(self, body: Body, uses: int) -> None:
        self.body, self.uses = body, uses


class QueuedLease:
    """A lease in memory; ``content`` None: it is read from the store when needed."""

    __slots__ = ("content", "is_cancelled", "is_new", "lease", "order")

    def __init__(self, lease: Lease, content: Content | None, *, is_new: bool = False) -> None:
        self.lease, self.content, self.is_new = lease, content, is_new
        self.is_cancelled = False
        """An operator has held or dropped it during its attempt."""
        self.order: RerouteOrder | None = None
        """To which target an operator sends it."""


class NextHopQueue:
    """The leases of one next hop."""

    __slots__ = ("is_ready", "leases", "next_hop", "timer", "waits_for", "was_oldest")

    def __init__(self, next_hop: NextHop) -> None:
        self.next_hop = next_hop
        self.leases: deque[QueuedLease] = deque()
        self.is_ready = False
        self.waits_for = ""
        self.timer: asyncio.TimerHandle | None = None
        self.was_oldest = False
        """It was resumed as the oldest of those that wait for room, and keeps its place."""


class NextHopQueues:
    """Serves the queues of all next hops in turn.

    ``capacity`` is the number of leases that they may have in all; whoever adds some observes it.
    ``choose`` tells whether the first delivery of a queue may be tried now. ``ready`` is called
    when a queue has become ready. ``pause_in_store`` gets a queue that must pause for longer than
    SHORT.
    """

    def __init__(
        self,
        capacity: int,
        choose: Callable[[NextHopQueue], ReadyTarget | Wait],
        ready: Callable[[], None],
        pause_in_store: Callable[[NextHopQueue, Wait], None],
    ) -> None:
        self.capacity = capacity
        self._choose, self._on_ready, self._pause_in_store = choose, ready, pause_in_store
        self._queues: dict[str, NextHopQueue] = {}
        self._ready: deque[NextHopQueue] = deque()
        self._first: deque[NextHopQueue] = deque()
        """Ready ones of next hops for which only new mail is there, or something has changed. They
        have every other turn, so that new mail does not wait behind thousands of others."""
        self._is_first = False
        """The last turn was one of ``_first``."""
        self.waiting: dict[str, OrderedDict[str, NextHopQueue]] = {}
        """By the key of what they wait for."""
        self._is_newest_next = False
        self._crowd_timer: asyncio.TimerHandle | None = None
        """Lets some of those that wait for room ask for it again."""
        self.count = 0
        """Leases in all queues."""

    def __len__(self) -> int:
        """Return the number of queues."""
        return len(self._queues)

    @property
    def share(self) -> int:
        """How many leases one next hop may have: fewer the more next hops there are."""
        return max(4, self.capacity // 2 // max(1, len(self._queues)))

    @property
    def is_ready(self) -> bool:
        """Whether a queue is ready."""
        return bool(self._ready or self._first)

    def length(self, key: str) -> int:
        """Return the number of leases in the queue of a next hop."""
        queue = self._queues.get(key)
        return len(queue.leases) if queue else 0

    def ahead_of(self, delivery: str, key: str) -> int | None:
        """Return the number of leases before a delivery in its queue; None: it is not there."""
        queue = self._queues.get(key)
        for number, queued in enumerate(queue.leases if queue else ()):
            if queued.lease.delivery.id == delivery:
                return number
        return None

    def add(self, queued: QueuedLease, *, first: bool = False) -> NextHopQueue:
        """Append a lease to its queue; ``first``: put it back at the front."""
        next_hop = queued.lease.delivery.next_hop
        queue = self._queues.get(next_hop.key)
        if queue is None:
            queue = self._queues[next_hop.key] = NextHopQueue(next_hop)
        if first:
            queue.leases.appendleft(queued)
        else:
            queue.leases.append(queued)
        self.count += 1
        if not queue.waits_for:
            self._make_ready(queue, first=queued.is_new and len(queue.leases) == 1)
        return queue

    def next(self) -> tuple[QueuedLease, ReadyTarget] | None:
        """Return the next lease to try, with its target; None if none was found, although there may
        be more queues that are ready."""
        for _ in range(TURNS):
            if (queue := self._turn()) is None:
                break
            if queue.waits_for:
                continue  # it waits since
            if not queue.leases:
                self._drop(queue)
                continue
            choice = self._choose(queue)
            if isinstance(choice, Wait):
                self.delay(queue, choice)
                continue
            queued = queue.leases.popleft()
            self.count -= 1
            if queue.leases:
                self._make_ready(queue)
            else:
                self._drop(queue)
            return queued, choice
        return None

    def _turn(self) -> NextHopQueue | None:
        """Take the next ready queue."""
        self._is_first = bool(self._first) and not (self._is_first and self._ready)
        lane = self._first if self._is_first else self._ready
        if not lane:
            return None
        queue = lane.popleft()
        queue.is_ready = False
        return queue

    def delay(self, queue: NextHopQueue, wait: Wait) -> None:
        """Let a queue wait: in memory, or in the store if its next hop is paused for long."""
        if wait.is_elsewhere or (wait.pause is not None and wait.seconds > SHORT):
            self._pause_in_store(queue, wait)
            return
        self._end_wait(queue)
        queue.waits_for = wait.key or queue.next_hop.key
        self.waiting.setdefault(queue.waits_for, OrderedDict())[queue.next_hop.key] = queue
        if wait.key == CROWDED:
            self._join_crowd(queue)
            return
        loop = asyncio.get_running_loop()
        queue.timer = loop.call_later(max(0.01, wait.seconds), self._resume, queue)

    def _join_crowd(self, queue: NextHopQueue) -> None:
        """Let a queue wait for room; if too many do so in memory, the oldest one goes."""
        crowd = self.waiting[CROWDED]
        if queue.was_oldest or not queue.leases[0].is_new:
            crowd.move_to_end(queue.next_hop.key, last=False)
            queue.was_oldest = False
        if len(crowd) > self.capacity // CROWD:
            oldest = next(iter(crowd.values()))
            spread = len(self._queues) % 31 / 31  # they must not all come back at once
            self._pause_in_store(oldest, Wait(CROWDED, LONG * (1 + spread), _NO_ROOM))
        self._try_crowd_soon()

    def _try_crowd_soon(self) -> None:
        if self._crowd_timer is None:
            loop = asyncio.get_running_loop()
            self._crowd_timer = loop.call_later(SOON, self._try_crowd)

    def _try_crowd(self) -> None:
        """Let some of the oldest and of the newest ask again; they keep their order."""
        self._crowd_timer = None
        crowd = list(self.waiting.get(CROWDED, {}).values())
        oldest, newest = crowd[: TURNS // 2], crowd[TURNS // 2 :][-TURNS // 2 :]
        for queue in reversed(oldest):
            queue.was_oldest = True
            self._resume(queue, first=True)
        for queue in newest:
            self._resume(queue, first=True)
        if len(crowd) > TURNS:
            self._try_crowd_soon()

    def try_resume(self, key: str) -> bool:
        """Resume the next queue that waits for ``key``; its end resumes the one after it.

        Tell whether there was one. If many wait for room, the newest and the oldest are resumed
        alternately: the newest has new mail, perhaps for a server that works.
        """
        while waiting := self.waiting.get(key):
            if key == CROWDED:
                self._is_newest_next = not self._is_newest_next
            is_newest = key == CROWDED and self._is_newest_next
            queue = next(reversed(waiting.values()) if is_newest else iter(waiting.values()))
            queue.was_oldest = key == CROWDED and not is_newest
            self._resume(queue, first=True)
            if queue.leases:  # else what it had was taken away, and the next one has its turn
                return True
        return False

    def wake(self, key: str) -> None:
        """Resume the queue of a next hop now, whatever it waits for."""
        queue = self._queues.get(key)
        if queue is not None and queue.waits_for:
            self._resume(queue, first=True)

    def take_all(self, key: str = "") -> list[QueuedLease]:
        """Remove and return all leases of one next hop, or of all."""
        taken: list[QueuedLease] = []
        for queue in [self._queues[key]] if key else list(self._queues.values()):
            taken += queue.leases
            queue.leases.clear()
            self._end_wait(queue)
            self._drop(queue)
        self.count -= len(taken)
        return taken

    def take_if(self, wanted: Callable[[QueuedLease], bool]) -> list[QueuedLease]:
        """Remove and return the leases for which ``wanted`` is true."""
        taken: list[QueuedLease] = []
        for queue in self._queues.values():
            left: deque[QueuedLease] = deque()
            for each in queue.leases:
                (taken if wanted(each) else left).append(each)
            queue.leases = left
        self.count -= len(taken)
        return taken

    def take_beyond_share(self) -> list[QueuedLease]:
        """Remove and return the leases that exceed the share of their queue."""
        most, taken = self.share, list[QueuedLease]()
        for queue in self._queues.values():
            while len(queue.leases) > most:
                taken.append(queue.leases.pop())
        self.count -= len(taken)
        return taken

    def __iter__(self) -> Iterator[NextHopQueue]:
        """Iterate over a copy of the queues."""
        return iter(list(self._queues.values()))

    def _make_ready(self, queue: NextHopQueue, *, first: bool = False) -> None:
        if not queue.is_ready:
            queue.is_ready = True
            (self._first if first else self._ready).append(queue)
        self._on_ready()

    def _resume(self, queue: NextHopQueue, *, first: bool = False) -> None:
        self._end_wait(queue)
        if queue.leases:
            self._make_ready(queue, first=first)
        else:
            self._drop(queue)

    def _end_wait(self, queue: NextHopQueue) -> None:
        if queue.timer is not None:
            queue.timer.cancel()
            queue.timer = None
        waiting = self.waiting.get(queue.waits_for)
        if waiting is not None:
            waiting.pop(queue.next_hop.key, None)
            if not waiting:
                del self.waiting[queue.waits_for]
        queue.waits_for = ""

    def _drop(self, queue: NextHopQueue) -> None:
        """Remove an empty queue; one that is ready is removed by ``next``."""
        if not queue.is_ready and self._queues.get(queue.next_hop.key) is queue:
            del self._queues[queue.next_hop.key]
