"""Connections that are kept for the next message to the same server, credential and TLS.

RFC 5321 4.5.4.1 recommends to send several messages for one host over one connection. A 421 or a
disconnection that came meanwhile is noticed before the connection is used again.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Generic, Protocol, Self, TypeVar

from gatepost.errors import Disconnected, GatepostError

CHECK_AFTER: Final = 10.0
"""Seconds without use after which a connection is checked before it is used again."""
IDLE: Final = 500
"""Maximum number of idle connections to all servers together. Those in use have no common limit:
servers that hang would use it up."""


class Poolable(Protocol):
    """A connection that a pool can keep, such as ``client.connection.AsyncConnection``."""

    @property
    def is_usable(self) -> bool:
        """False if the connection is known to be closed or unusable, without network traffic."""

    async def check(self) -> None:
        """Ask the server whether the connection still works. Raises GatepostError if not."""

    async def close(self) -> None:
        """Send QUIT and close the connection."""


_TICK: Final = 0.002
"""Seconds by which a loop's timer may be early."""

C = TypeVar("C", bound=Poolable)


@dataclass(frozen=True, slots=True)
class PoolTerms:
    """Rules for the connections of one key."""

    connections: int = 10
    """Maximum number of connections, including idle ones."""
    messages: int = 100
    """Number of messages after which a connection is closed."""
    idle: float = 30.0
    """Seconds without use after which it is closed; less than the timeout of servers."""


class _Pooled(Generic[C]):
    """A connection and its state in the pool."""

    __slots__ = ("connection", "idle_since", "is_idle", "messages", "retires", "timer")

    def __init__(self, connection: C) -> None:
        self.connection = connection
        self.messages = 0
        self.is_idle = False
        self.idle_since = self.retires = 0.0
        """If it is idle: since when, and until when at most, on the loop's clock."""
        self.timer: asyncio.TimerHandle | None = None
        """Checks whether it was idle for too long; keeps running while the connection is lent."""

    def end(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class _Group(Generic[C]):
    """The connections and waiting loans of one key."""

    __slots__ = ("closing", "idle", "key", "open", "waiters")

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.idle: list[_Pooled[C]] = []
        """The last one was used last and is used next, so that surplus ones become too old."""
        self.open = 0
        """Number of connections that are idle, in use, being opened or being closed."""
        self.closing = 0
        self.waiters: deque[asyncio.Future[None]] = deque()


class Loan(Generic[C]):
    """A connection in use, as a context manager; at its end the connection is kept or closed."""

    def __init__(
        self, pool: "Pool[C]", group: _Group[C], terms: PoolTerms, pooled: _Pooled[C]
    ) -> None:
        self._pool, self._group, self._terms, self._pooled = pool, group, terms, pooled
        self.connection = pooled.connection
        self.is_fresh = pooled.messages == 0
        """True if the connection was opened for this loan."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool._take_back(self._group, self._terms, self._pooled)  # noqa: SLF001 - its half


class Pool(Generic[C]):
    """Lends connections by key. ``seconds`` is a monotonic clock."""

    def __init__(
        self,
        *,
        idle: int = IDLE,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most_idle, self._seconds = idle, seconds
        self._groups: dict[Hashable, _Group[C]] = {}
        self._all_idle: dict[_Pooled[C], _Group[C]] = {}
        """Idle connections, those first that are idle for the longest time."""
        self._closing: set[asyncio.Task[None]] = set()
        self._is_retired = self._is_closed = False

    def count(self, key: Hashable) -> int:
        """Return how many connections a key has."""
        group = self._groups.get(key)
        return group.open if group else 0

    def idle(self, key: Hashable) -> int:
        """Return how many idle connections a key has."""
        group = self._groups.get(key)
        return len(group.idle) if group else 0

    def lend(self, key: Hashable, terms: PoolTerms) -> Loan[C] | None:
        """Return an idle connection that needs no check; None: use ``borrow``."""
        group = self._groups.get(key)
        if group is None or not group.idle or self._is_closed:
            return None
        pooled = group.idle[-1]
        if self._seconds() - pooled.idle_since >= CHECK_AFTER or not pooled.connection.is_usable:
            return None
        self._pick(group)
        return self._lend(group, terms, pooled)

    def _pick(self, group: _Group[C]) -> _Pooled[C]:
        """Take the connection of a key that was used last, of those that are idle."""
        pooled = group.idle.pop()
        del self._all_idle[pooled]
        return pooled

    def _lend(self, group: _Group[C], terms: PoolTerms, pooled: _Pooled[C]) -> Loan[C]:
        pooled.is_idle = False
        return Loan(self, group, terms, pooled)

    async def borrow(
        self, key: Hashable, terms: PoolTerms, opening: Callable[[], Awaitable[C]]
    ) -> Loan[C]:
        """Return a working connection: an idle one, or a new one by ``opening``.

        Waits while the key has its maximum number of connections. Raises what
        ``opening`` raises, and Disconnected if the pool is closed.
        """
        had_turn = False
        while True:
            if self._is_closed:
                raise Disconnected("the pool is closed").at("connect")
            group = self._groups.get(key)
            if group is None:
                group = self._groups[key] = _Group(key)
            if group.idle:
                pooled = self._pick(group)
                try:
                    well = await self._is_well(pooled)
                except BaseException:  # its next data is unknown
                    self._discard(group, pooled)
                    raise
                if well:
                    return self._lend(group, terms, pooled)
                self._discard(group, pooled)
            elif group.open >= max(1, terms.connections):
                await self._wait(group.waiters, ahead=had_turn)
                had_turn = True
            else:
                made = await self._make(group, opening)
                return self._lend(group, terms, made)

    async def retire(self) -> None:
        """Close idle connections, and keep no more of them. Connections can still be borrowed.

        Returns when no connection is being closed any more.
        """
        self._is_retired = True
        await self._clear()

    async def close(self) -> None:
        """Close idle connections, and lend no more. Lent ones are closed when they are returned.

        Returns when no connection is being closed any more.
        """
        self._is_closed = True
        for group in tuple(self._groups.values()):
            while self._try_wake_one(group.waiters):
                pass
        await self._clear()

    async def _clear(self) -> None:
        """Close idle connections."""
        for group in tuple(self._groups.values()):
            while group.idle:
                self._discard(group, self._pick(group))
        while self._closing:
            await asyncio.wait(self._closing)  # not gather, which may let nothing happen

    async def _make(self, group: _Group[C], opening: Callable[[], Awaitable[C]]) -> _Pooled[C]:
        group.open += 1
        try:
            return _Pooled(await opening())
        except BaseException:
            self._forget(group)
            raise

    async def _is_well(self, pooled: _Pooled[C]) -> bool:
        pooled.is_idle = False
        connection = pooled.connection
        if not connection.is_usable:
            return False
        if self._seconds() - pooled.idle_since < CHECK_AFTER:
            return True
        try:
            await connection.check()
        except GatepostError:
            return False
        return connection.is_usable

    def _take_back(self, group: _Group[C], terms: PoolTerms, pooled: _Pooled[C]) -> None:
        pooled.messages += 1
        surplus = group.open - group.closing > max(1, terms.connections)
        worn = pooled.messages >= terms.messages or surplus
        if worn or self._is_retired or self._is_closed or not pooled.connection.is_usable:
            self._discard(group, pooled)
            return
        pooled.idle_since, pooled.is_idle = self._seconds(), True
        loop = asyncio.get_running_loop()
        pooled.retires = loop.time() + terms.idle
        if pooled.timer is None:
            pooled.timer = loop.call_at(pooled.retires, self._look, group, pooled)
        group.idle.append(pooled)
        self._all_idle[pooled] = group
        if len(self._all_idle) > self._most_idle:
            self._evict()
        if group.waiters:
            self._try_wake_one(group.waiters)

    def _look(self, group: _Group[C], pooled: _Pooled[C]) -> None:
        """Close a connection that was idle for too long, unless it was lent meanwhile."""
        pooled.timer = None
        loop = asyncio.get_running_loop()
        if not pooled.is_idle:
            return
        if loop.time() < pooled.retires - _TICK:
            pooled.timer = loop.call_at(pooled.retires, self._look, group, pooled)
        else:
            self._retire(group, pooled)

    def _retire(self, group: _Group[C], pooled: _Pooled[C]) -> None:
        """Close an idle connection."""
        group.idle.remove(pooled)
        del self._all_idle[pooled]
        self._discard(group, pooled)

    def _evict(self) -> None:
        """Close the connection that was idle longest, whatever its key is."""
        pooled, group = next(iter(self._all_idle.items()))
        self._retire(group, pooled)

    def _discard(self, group: _Group[C], pooled: _Pooled[C]) -> None:
        """Close a connection in the background; it counts until it is really closed."""
        pooled.end()
        pooled.is_idle = False
        group.closing += 1
        task = asyncio.get_running_loop().create_task(self._end(group, pooled))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _end(self, group: _Group[C], pooled: _Pooled[C]) -> None:
        try:
            await pooled.connection.close()
        except GatepostError:
            pass  # it is gone
        finally:
            group.closing -= 1
            self._forget(group)

    def _forget(self, group: _Group[C]) -> None:
        """Forget a connection, and its key if that was the last one."""
        group.open -= 1
        self._try_wake_one(group.waiters)
        if not (group.open or group.waiters) and self._groups.get(group.key) is group:
            del self._groups[group.key]

    # Waiting loans.

    async def _wait(self, waiters: "deque[asyncio.Future[None]]", *, ahead: bool) -> None:
        """Wait for a free connection; ``ahead`` puts the loan in front of the others."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if ahead:
            waiters.appendleft(turn)
        else:
            waiters.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the turn goes to the next
                self._try_wake_one(waiters)
            elif turn in waiters:
                waiters.remove(turn)
            raise

    def _try_wake_one(self, waiters: "deque[asyncio.Future[None]]") -> bool:
        """Wake a loan because a connection or its place is free."""
        while waiters:
            turn = waiters.popleft()
            if not turn.done():
                turn.set_result(None)
                return True
        return False
