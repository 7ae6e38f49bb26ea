"""Clients by their address: how many sessions each has, and how often it failed to sign in."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Final, Protocol

from gatepost.model.later import Later
from gatepost.policy.networks import counted_as

MOST_REMEMBERED: Final = 50_000
"""Addresses whose failures are kept; the oldest go."""


@dataclass(frozen=True, slots=True)
class VisitorLimits:
    """Bounds for one address; an IPv6 one stands for its /64."""

    sessions: int | None = None
    """Connections at a time; None: any number."""
    connections: int | None = None
    """Connections of all addresses at a time."""
    failures: int = 5
    """Refused logins that are answered after the first delay; each further one doubles it."""
    first_delay: float = 1.0
    """Seconds."""
    longest_delay: float = 30.0
    forgotten: float = 60.0
    """Seconds without a failure after which the next one is a first one. Counted from when the
    last one was answered."""


class Visitors(Protocol):
    """Counts across all processes of a node; answers at once or later."""

    def enter(self, address: str) -> "Later[bool]":
        """Count a connection; False when the address has its fill."""

    def leave(self, address: str) -> None:
        """A connection that was counted is gone."""

    def delay(self, address: str) -> "Later[float]":
        """Count a refused login; return the seconds before it is answered."""


class VisitorCounts:
    """The counts themselves. ``owner`` is the process that a connection belongs to."""

    def __init__(self, limits: VisitorLimits, seconds: Callable[[], float]) -> None:
        self.limits = limits
        """May be replaced at any time; what is counted stays."""
        self.vacate: Callable[[], Awaitable[None]] = _nothing_is_kept
        """Has places given back that other processes keep of clients that left."""
        self._seconds = seconds
        self._sessions: dict[str, int] = {}
        self._total = 0
        self._late: dict[str, int] = {}
        """Of which address how many wait for places that are being given back."""
        self._owned: dict[Hashable, dict[str, int]] = {}
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def enter(self, owner: Hashable, address: str) -> bool:
        """See ``Visitors.enter``. Nobody takes a place that another of its address waits for."""
        key = counted_as(address)
        return key not in self._late and self._enter(owner, key)

    async def enter_late(self, owner: Hashable, address: str) -> bool:
        """As ``enter``, which found no room: once nobody keeps a place that nobody has."""
        key = counted_as(address)
        self._late[key] = self._late.get(key, 0) + 1
        try:
            await self.vacate()
        finally:
            _take(self._late, key, 1)
        return self._enter(owner, key)

    def _enter(self, owner: Hashable, key: str) -> bool:
        limits = self.limits
        before = self._sessions.get(key, 0)
        if limits.sessions is not None and before >= limits.sessions:
            return False
        if limits.connections is not None and self._total >= limits.connections:
            return False
        self._sessions[key] = before + 1
        self._total += 1
        owned = self._owned.setdefault(owner, {})
        owned[key] = owned.get(key, 0) + 1
        return True

    def leave(self, owner: Hashable, address: str, number: int = 1) -> None:
        """See ``Visitors.leave``; ``number`` connections are gone."""
        key = counted_as(address)
        owned = self._owned.get(owner, {})
        number = min(number, owned.get(key, 0))
        if number:
            _take(owned, key, number)
            _take(self._sessions, key, number)
            self._total -= number

    def forget(self, owner: Hashable) -> None:
        """The process is gone, and all its connections with it."""
        for key, number in self._owned.pop(owner, {}).items():
            _take(self._sessions, key, number)
            self._total -= number

    def delay(self, address: str) -> float:
        """See ``Visitors.delay``."""
        key, now, limits = counted_as(address), self._seconds(), self.limits
        before, last = self._failures.pop(key, (0, now))
        failures = before + 1 if now - last < limits.forgotten else 1
        doublings = min(max(0, failures - limits.failures), 30)
        seconds = min(limits.first_delay * 2.0**doublings, limits.longest_delay)
        self._failures[key] = failures, now + seconds
        if len(self._failures) > MOST_REMEMBERED:
            self._failures.popitem(last=False)
        return seconds


async def _nothing_is_kept() -> None:
    """Nobody keeps places."""


def _take(counts: dict[str, int], key: str, number: int) -> None:
    counts[key] -= number
    if counts[key] <= 0:
        del counts[key]


class OwnVisitors:
    """``Visitors`` of the process that holds the counts, for the connections of one owner."""

    def __init__(self, counts: VisitorCounts, owner: Hashable = None) -> None:
        self._counts = counts
        self._owner = owner

    def enter(self, address: str) -> bool:
        """See ``Visitors.enter``."""
        return self._counts.enter(self._owner, address)

    async def enter_late(self, address: str) -> bool:
        """As ``enter``, which found no room: once nobody keeps a place that nobody has."""
        return await self._counts.enter_late(self._owner, address)

    def leave(self, address: str, number: int = 1) -> None:
        """See ``Visitors.leave``; ``number`` connections are gone."""
        self._counts.leave(self._owner, address, number)

    def delay(self, address: str) -> float:
        """See ``Visitors.delay``."""
        return self._counts.delay(address)
