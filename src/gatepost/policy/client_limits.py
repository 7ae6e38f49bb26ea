"""Counts of clients by address: their connections, and their failed logins."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from gatepost.model.value_or_future import Later
from gatepost.policy.networks import counted_as

MOST_REMEMBERED: Final = 50_000
"""Addresses whose failures are remembered; the oldest are forgotten."""


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """Limits for one address; an IPv6 address stands for its /64."""

    sessions: int | None = None
    """Open connections per address; None: no limit."""
    connections: int | None = None
    """Open connections of all addresses; None: no limit."""
    failures: int = 5
    """Refused logins answered after ``first_delay``; each further one doubles the delay."""
    first_delay: float = 1.0
    """Seconds."""
    longest_delay: float = 30.0
    forgotten: float = 60.0
    """Seconds after the answer to the last failure until the count starts again at one."""


class ClientCounter(Protocol):
    """Counts across all processes of a node; each answer is a value or a future."""

    def try_enter(self, address: str) -> "Later[bool]":
        """Count a new connection; False if its address has no connection left."""

    def leave(self, address: str) -> None:
        """Uncount a connection that has ended."""

    def delay(self, address: str) -> "Later[float]":
        """Count a refused login; return the seconds to wait before answering it."""


@dataclass(frozen=True, slots=True)
class FailureCounts:
    """The refused logins at all nodes."""

    count: Callable[[str, float], Awaitable[int]]
    """Counts one of an address, and returns the number; for the argument in seconds, see
    ``ClientLimits.forgotten``. Raises nothing."""
    begin: Callable[[Coroutine[Any, Any, float]], Awaitable[float]]
    """Lets the event loop run something, and returns a future of its result."""


class ClientCounts:
    """The counts, in the process that keeps them. ``owner`` is the process of a connection."""

    def __init__(self, limits: ClientLimits, seconds: Callable[[], float]) -> None:
        self.limits = limits
        """May be replaced at any time; the counts stay."""
        self.vacate: Callable[[], Awaitable[None]] = _nothing_is_kept
        """Has other processes give back places that they reserve for clients that left."""
        self._others: FailureCounts | None = None
        self._seconds = seconds
        self._sessions: dict[str, int] = {}
        self._total = 0
        self._late: dict[str, int] = {}
        """Connections, by address, that wait for places to be given back."""
        self._owned: dict[Hashable, dict[str, int]] = {}
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def try_enter(self, owner: Hashable, address: str) -> bool:
        """See ``ClientCounter.try_enter``. Refused while others wait in ``try_enter_late``."""
        key = counted_as(address)
        return key not in self._late and self._try_enter(owner, key)

    async def try_enter_late(self, owner: Hashable, address: str) -> bool:
        """Try again after ``try_enter`` returned False, once unused places were given back."""
        key = counted_as(address)
        self._late[key] = self._late.get(key, 0) + 1
        try:
            await self.vacate()
        finally:
            _take(self._late, key, 1)
        return self._try_enter(owner, key)

    def _try_enter(self, owner: Hashable, key: str) -> bool:
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
        """See ``ClientCounter.leave``; ``number`` connections have ended."""
        key = counted_as(address)
        owned = self._owned.get(owner, {})
        number = min(number, owned.get(key, 0))
        if number:
            _take(owned, key, number)
            _take(self._sessions, key, number)
            self._total -= number

    def forget(self, owner: Hashable) -> None:
        """Uncount all connections of a process that has ended."""
        for key, number in self._owned.pop(owner, {}).items():
            _take(self._sessions, key, number)
            self._total -= number

    def delay(self, address: str) -> "Later[float]":
        """See ``ClientCounter.delay``."""
        key, now, limits = counted_as(address), self._seconds(), self.limits
        before, last = self._failures.pop(key, (0, now))
        failures = before + 1 if now - last < limits.forgotten else 1
        seconds = self._delay_after(failures)
        self._failures[key] = failures, now + seconds
        if len(self._failures) > MOST_REMEMBERED:
            self._failures.popitem(last=False)
        if self._others is None:
            return seconds
        return self._others.begin(self._shared_delay(self._others, key, failures))

    async def _shared_delay(self, others: FailureCounts, key: str, failures: int) -> float:
        forgotten = self.limits.forgotten + self.limits.longest_delay
        return self._delay_after(max(failures, await others.count(key, forgotten)))

    def share(self, others: FailureCounts) -> None:
        """Count refused logins over all nodes from now on."""
        self._others = others

    def _delay_after(self, failures: int) -> float:
        limits = self.limits
        doublings = min(max(0, failures - limits.failures), 30)
        return min(limits.first_delay * 2.0**doublings, limits.longest_delay)


async def _nothing_is_kept() -> None:
    """No other process reserves places."""


def _take(counts: dict[str, int], key: str, number: int) -> None:
    counts[key] -= number
    if counts[key] <= 0:
        del counts[key]


class LocalClientCounter:
    """``ClientCounter`` in the process that keeps the counts, for the connections of one owner."""

    def __init__(self, counts: ClientCounts, owner: Hashable = None) -> None:
        self._counts = counts
        self._owner = owner

    def try_enter(self, address: str) -> bool:
        return self._counts.try_enter(self._owner, address)

    async def try_enter_late(self, address: str) -> bool:
        """Try again after ``try_enter`` returned False, once unused places were given back."""
        return await self._counts.try_enter_late(self._owner, address)

    def leave(self, address: str, number: int = 1) -> None:
        """See ``ClientCounter.leave``; ``number`` connections have ended."""
        self._counts.leave(self._owner, address, number)

    def delay(self, address: str) -> "Later[float]":
        return self._counts.delay(address)
