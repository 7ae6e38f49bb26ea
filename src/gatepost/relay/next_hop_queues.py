"""Leases in memory, one line for each next hop, and whose turn it is."""

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

    ``choose`` tells whether a line's first delivery may be tried, ``ready`` is called when there
    is something to ask it about, ``rests`` gets a line that has to wait for longer than HOLD.
    """

    def __init__(
        self,
        choose: Callable[[NextHopQueue], Clear | Pause],
        ready: Callable[[], None],
        rests: Callable[[NextHopQueue, Pause], None],
    ) -> None:
        self._choose, self._on_ready, self._rests = choose, ready, rests
        self._lines: dict[str, NextHopQueue] = {}
        self._ready: deque[NextHopQueue] = deque()
        self._parked: dict[str, dict[str, NextHopQueue]] = {}
        self.count = 0
        """Leases in all lines."""

    def __len__(self) -> int:
        """Return how many lines there are."""
        return len(self._lines)

    @property
    def is_ready(self) -> bool:
        """Some line may have its turn."""
        return bool(self._ready)

    def length(self, key: str) -> int:
        """Return how many wait for a next hop."""
        line = self._lines.get(key)
        return len(line.held) if line else 0

    def ahead_of(self, delivery: str, key: str) -> int | None:
        """Return how many are in front of a delivery in its line; None: it is not in it."""
        line = self._lines.get(key)
        for number, held in enumerate(line.held if line else ()):
            if held.lease.delivery.id == delivery:
                return number
        return None

    def add(self, held: Held, *, first: bool = False) -> NextHopQueue:
        """Let a lease wait; ``first``: it had its turn, and could not use it."""
        next_hop = held.lease.delivery.next_hop
        line = self._lines.get(next_hop.key)
        if line is None:
            line = self._lines[next_hop.key] = NextHopQueue(next_hop)
        if first:
            line.held.appendleft(held)
        else:
            line.held.append(held)
        self.count += 1
        if not line.parked_on:
            self._make_ready(line)
        return line

    def next(self) -> tuple[Held, Clear] | None:
        """Return what is tried now; None when nothing can be."""
        while self._ready:
            line = self._ready.popleft()
            line.is_ready = False
            if line.parked_on:
                continue  # it was put back meanwhile
            if not line.held:
                self._drop(line)
                continue
            choice = self._choose(line)
            if isinstance(choice, Pause):
                self.pause(line, choice)
                continue
            held = line.held.popleft()
            self.count -= 1
            if line.held:
                self._make_ready(line)
            else:
                self._drop(line)
            return held, choice
        return None

    def pause(self, line: NextHopQueue, pause: Pause) -> None:
        """Let a line wait for what it waits for."""
        if pause.obstacle is not None and pause.seconds > HOLD:
            self._rests(line, pause)
            return
        self._unmark(line)
        line.parked_on = pause.key or line.next_hop.key
        self._parked.setdefault(line.parked_on, {})[line.next_hop.key] = line
        loop = asyncio.get_running_loop()
        line.timer = loop.call_later(max(0.01, pause.seconds), self._unpark, line)

    def changed(self, key: str) -> None:
        """Give the next line its turn that waits for this; its own end gives it to the next."""
        parked = self._parked.get(key)
        if parked:
            self._unpark(next(iter(parked.values())))

    def hurry(self, key: str) -> None:
        """Give the line of a next hop its turn now, whatever it waits for."""
        line = self._lines.get(key)
        if line is not None and line.parked_on:
            self._unpark(line)

    def take_all(self, key: str = "") -> list[Held]:
        """Empty the line of a next hop, or all lines, and return what was in them."""
        taken: list[Held] = []
        for line in [self._lines[key]] if key else list(self._lines.values()):
            taken += line.held
            line.held.clear()
            self._unmark(line)
            self._drop(line)
        self.count -= len(taken)
        return taken

    def take_if(self, wanted: Callable[[Held], bool]) -> list[Held]:
        """Take those out of their lines that are wanted."""
        taken: list[Held] = []
        for line in self._lines.values():
            kept: deque[Held] = deque()
            for each in line.held:
                (taken if wanted(each) else kept).append(each)
            line.held = kept
        self.count -= len(taken)
        return taken

    def take_beyond(self, most: int) -> list[Held]:
        """Take what is behind the first ``most`` of each line."""
        taken: list[Held] = []
        for line in self._lines.values():
            while len(line.held) > most:
                taken.append(line.held.pop())
        self.count -= len(taken)
        return taken

    def __iter__(self) -> Iterator[NextHopQueue]:
        """Iterate over the lines as they are now."""
        return iter(list(self._lines.values()))

    def _make_ready(self, line: NextHopQueue) -> None:
        if not line.is_ready:
            line.is_ready = True
            self._ready.append(line)
        self._on_ready()

    def _unpark(self, line: NextHopQueue) -> None:
        self._unmark(line)
        if line.held:
            self._make_ready(line)
        else:
            self._drop(line)

    def _unmark(self, line: NextHopQueue) -> None:
        if line.timer is not None:
            line.timer.cancel()
            line.timer = None
        parked = self._parked.get(line.parked_on)
        if parked is not None:
            parked.pop(line.next_hop.key, None)
            if not parked:
                del self._parked[line.parked_on]
        line.parked_on = ""

    def _drop(self, line: NextHopQueue) -> None:
        """Forget an empty line; one that is in the row of the ready is forgotten in its turn."""
        if not line.is_ready and self._lines.get(line.next_hop.key) is line:
            del self._lines[line.next_hop.key]
