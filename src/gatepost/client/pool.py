"""Connections that are kept for the next message to the same server, identity and TLS.

RFC 5321 4.5.4.1 asks for it: several messages for one host go over one connection. What a server
says when it is tired of us (421), and that it went away unasked, is noticed before anything is
given to it.
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
"""Seconds of rest after which a connection is asked whether it is still there."""
TOTAL: Final = 500
"""Connections to all servers together."""


class Poolable(Protocol):
    """What a pool holds; ``client.connection.AsyncConnection`` is one."""

    @property
    def usable(self) -> bool:
        """The other side will listen, as far as is known without asking."""

    @property
    def may_be_followed(self) -> bool:
        """While it is lent, another message may be announced behind the one that it carries."""

    @property
    def goes_on(self) -> bool:
        """The message that was announced may have its turn."""

    async def check(self) -> None:
        """Ask whether it does. Raises GatepostError."""

    async def close(self) -> None:
        """Say goodbye and close."""


_TICK: Final = 0.002
"""Seconds by which a loop's timer may be early."""

C = TypeVar("C", bound=Poolable)


PATIENCE: Final = 1.0
"""Seconds for which a turn on a connection in use is waited for at least; at most twice that."""


def _nothing() -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How one key's connections are used."""

    connections: int = 10
    """At once, those at rest included."""
    messages: int = 100
    """After which one is closed."""
    idle: float = 30.0
    """Seconds of rest after which it is closed; less than the server's own patience."""
    opened: Callable[[], None] = _nothing
    """Called when one is going to be opened."""
    closed: Callable[[], None] = _nothing
    """Called when one is closed, or could not be opened."""
    follow: int = 0
    """Loans at once below which one may wait for its turn on a connection that is lent, to be
    announced behind the message that it carries; 0: none does."""


class _Kept(Generic[C]):
    """A connection, and what is remembered of it."""

    __slots__ = (
        "closed", "connection", "followed", "follower", "is_resting", "messages", "rested",
        "retires", "timer",
    )  # fmt: skip

    def __init__(self, connection: C, closed: Callable[[], None]) -> None:
        self.connection = connection
        self.closed = closed
        self.messages = 0
        self.follower: asyncio.Future[bool] | None = None
        """Who has the next turn is told when it comes, and whether there is one."""
        self.followed = 0.0
        """Since when."""
        self.is_resting = False
        self.rested = self.retires = 0.0
        """Since when, and until when on the loop's clock, if it does."""
        self.timer: asyncio.TimerHandle | None = None
        """Looks whether it has rested for too long; it goes on while the connection is lent."""

    def end(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class _Shelf(Generic[C]):
    """All that is known of one key."""

    __slots__ = ("closing", "idle", "key", "lent", "loans", "open", "waiters")

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.lent: dict[_Kept[C], None] = {}
        """In use, oldest first."""
        self.loans = 0
        """Those of ``lent``, and who waits for a turn on one."""
        self.idle: list[_Kept[C]] = []
        """The last one was used last and is used next, so that a surplus grows old."""
        self.open = 0
        """Connections at rest, in use, being opened and being closed."""
        self.closing = 0
        self.waiters: deque[asyncio.Future[None]] = deque()


class Loan(Generic[C]):
    """A connection in use: a context, after which it is kept or closed."""

    def __init__(
        self,
        pool: "Pool[C]",
        shelf: _Shelf[C],
        terms: Terms,
        kept: _Kept[C],
        turn: "asyncio.Future[bool] | None" = None,
    ) -> None:
        self._pool, self._shelf, self._terms, self._kept = pool, shelf, terms, kept
        self._turn = turn
        self.connection = kept.connection
        self.is_fresh = kept.messages == 0 and turn is None
        """It was opened for this loan."""
        self.follows = turn is not None
        """Somebody else has the connection; ``turn`` waits for him."""

    @property
    def waits(self) -> bool:
        """The turn has not come yet, and still may."""
        return self._turn is not None and not self._turn.done()

    async def turn(self) -> None:
        """Wait until the connection is ours alone. Raises Disconnected when it never will be."""
        if self._turn is None:
            return
        if not await self._turn:
            raise Disconnected("the connection ended with the message before, or took too long")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pool = self._pool
        pool._take_back(self._shelf, self._terms, self._kept, self._turn)  # noqa: SLF001 - its half


class Pool(Generic[C]):
    """Lends connections by key. ``seconds`` is a clock that never steps back."""

    def __init__(
        self,
        *,
        total: int = TOTAL,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total, self._seconds = total, seconds
        self._shelves: dict[Hashable, _Shelf[C]] = {}
        self._open = 0
        self._crowd: deque[asyncio.Future[None]] = deque()
        """Who waits because all connections of all keys are in use."""
        self._closing: set[asyncio.Task[None]] = set()
        self._patience: asyncio.TimerHandle | None = None
        """Looks for who follows and has waited for too long."""
        self._is_retired = self._is_closed = False

    def count(self, key: Hashable) -> int:
        """Return how many connections a key has."""
        shelf = self._shelves.get(key)
        return shelf.open if shelf else 0

    def idle(self, key: Hashable) -> int:
        """Return how many of them are at rest."""
        shelf = self._shelves.get(key)
        return len(shelf.idle) if shelf else 0

    def lend(self, key: Hashable, terms: Terms) -> Loan[C] | None:
        """Return a connection that needs no waiting for the network; None: see ``borrow``.

        It is one in use that may be followed (see ``Loan.follows``), while few are lent, else one
        at rest that is known to listen.
        """
        shelf = self._shelves.get(key)
        if shelf is None or self._is_closed:
            return None
        if shelf.loans < terms.follow:
            for kept in shelf.lent:
                if _may_be_followed(kept, terms):
                    return self._follow(shelf, terms, kept)
        if not shelf.idle:
            return None
        kept = shelf.idle[-1]
        if self._seconds() - kept.rested >= CHECK_AFTER or not kept.connection.usable:
            return None
        shelf.idle.pop()
        return self._lend(shelf, terms, kept)

    def _lend(self, shelf: _Shelf[C], terms: Terms, kept: _Kept[C]) -> Loan[C]:
        kept.is_resting = False
        shelf.lent[kept] = None
        shelf.loans += 1
        return Loan(self, shelf, terms, kept)

    async def borrow(
        self, key: Hashable, terms: Terms, opening: Callable[[], Awaitable[C]]
    ) -> Loan[C]:
        """Return a connection that listens: one at rest, or a new one by ``opening``.

        Waits while the key, or the pool, has as many as it may. Raises what ``opening`` raises,
        and Disconnected once the pool is closed.
        """
        had_turn = False
        while True:
            if self._is_closed:
                raise Disconnected("the pool is closed").at("connect")
            shelf = self._shelves.get(key)
            if shelf is None:
                shelf = self._shelves[key] = _Shelf(key)
            if shelf.idle:
                kept = shelf.idle.pop()
                try:
                    well = await self._is_well(kept)
                except BaseException:  # nobody knows what it has still to say
                    self._discard(shelf, kept)
                    raise
                if well:
                    return self._lend(shelf, terms, kept)
                self._discard(shelf, kept)
            elif shelf.open >= max(1, terms.connections):
                await self._wait(shelf.waiters, ahead=had_turn)
                had_turn = True
            elif self._open >= self._total:
                self._evict()
                await self._wait(self._crowd, ahead=had_turn)
                had_turn = True
            else:
                made = await self._make(shelf, terms, opening)
                return self._lend(shelf, terms, made)

    async def retire(self) -> None:
        """Close what rests, and let nothing rest any more; who needs a connection still gets one.

        Returns when all that is being closed is closed.
        """
        self._is_retired = True
        await self._clear()

    async def close(self) -> None:
        """Close what rests and refuse to lend; what is lent is closed when it comes back.

        Returns when all that is being closed is closed.
        """
        self._is_closed = True
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        for shelf in tuple(self._shelves.values()):
            while self._wake_one(shelf.waiters):
                pass
        while self._wake_one(self._crowd):
            pass
        await self._clear()

    async def _clear(self) -> None:
        """Close what rests."""
        for shelf in tuple(self._shelves.values()):
            while shelf.idle:
                self._discard(shelf, shelf.idle.pop())
        while self._closing:
            await asyncio.wait(self._closing)  # not gather, which may let nothing happen

    async def _make(
        self, shelf: _Shelf[C], terms: Terms, opening: Callable[[], Awaitable[C]]
    ) -> _Kept[C]:
        shelf.open += 1
        self._open += 1
        terms.opened()
        try:
            return _Kept(await opening(), terms.closed)
        except BaseException:
            self._forget(shelf, terms.closed)
            raise

    async def _is_well(self, kept: _Kept[C]) -> bool:
        kept.is_resting = False
        connection = kept.connection
        if not connection.usable:
            return False
        if self._seconds() - kept.rested < CHECK_AFTER:
            return True
        try:
            await connection.check()
        except GatepostError:
            return False
        return connection.usable

    def _take_back(
        self,
        shelf: _Shelf[C],
        terms: Terms,
        kept: _Kept[C],
        turn: "asyncio.Future[bool] | None" = None,
    ) -> None:
        shelf.loans -= 1
        if turn is not None and not _came(turn):
            if kept.follower is turn:
                kept.follower = None
            self._drop(shelf)
            return
        kept.messages += 1
        if kept.follower is not None and self._pass_on(kept, kept.follower):
            return
        del shelf.lent[kept]
        surplus = shelf.open - shelf.closing > max(1, terms.connections)
        worn = kept.messages >= terms.messages or surplus
        if worn or self._is_retired or self._is_closed or not kept.connection.usable:
            self._discard(shelf, kept)
            return
        kept.rested, kept.is_resting = self._seconds(), True
        loop = asyncio.get_running_loop()
        kept.retires = loop.time() + terms.idle
        if kept.timer is None:
            kept.timer = loop.call_at(kept.retires, self._look, shelf, kept)
        shelf.idle.append(kept)
        self._wake(shelf)

    def _look(self, shelf: _Shelf[C], kept: _Kept[C]) -> None:
        """Close what has rested for too long; it may have been lent meanwhile."""
        kept.timer = None
        loop = asyncio.get_running_loop()
        if not kept.is_resting:
            return
        if loop.time() < kept.retires - _TICK:
            kept.timer = loop.call_at(kept.retires, self._look, shelf, kept)
        else:
            shelf.idle.remove(kept)
            self._discard(shelf, kept)

    def _evict(self) -> None:
        """Close the connection that has rested longest, whoever's it is; the crowd is told then."""
        resting = [shelf for shelf in self._shelves.values() if shelf.idle]
        if resting:
            shelf = min(resting, key=lambda each: each.idle[0].rested)
            self._discard(shelf, shelf.idle.pop(0))

    def _discard(self, shelf: _Shelf[C], kept: _Kept[C]) -> None:
        """Close one in the background: its place is free when the server has seen it go."""
        kept.end()
        kept.is_resting = False
        shelf.closing += 1
        task = asyncio.get_running_loop().create_task(self._end(shelf, kept))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _end(self, shelf: _Shelf[C], kept: _Kept[C]) -> None:
        try:
            await kept.connection.close()
        except GatepostError:
            pass  # it is gone
        finally:
            shelf.closing -= 1
            self._forget(shelf, kept.closed)

    def _forget(self, shelf: _Shelf[C], closed: Callable[[], None]) -> None:
        shelf.open -= 1
        self._open -= 1
        closed()
        self._wake(shelf)
        self._drop(shelf)

    def _drop(self, shelf: _Shelf[C]) -> None:
        """Forget a key that nobody uses; who follows may outlive the connection."""
        is_used = shelf.open or shelf.loans or shelf.waiters
        if not is_used and self._shelves.get(shelf.key) is shelf:
            del self._shelves[shelf.key]

    # Who follows on a connection that is lent.

    def _follow(self, shelf: _Shelf[C], terms: Terms, kept: _Kept[C]) -> Loan[C]:
        loop = asyncio.get_running_loop()
        turn = kept.follower = loop.create_future()
        kept.followed = self._seconds()
        shelf.loans += 1
        if self._patience is None:
            self._patience = loop.call_later(PATIENCE, self._lose_patience)
        return Loan(self, shelf, terms, kept, turn)

    def _pass_on(self, kept: _Kept[C], turn: "asyncio.Future[bool]") -> bool:
        """Give the follower its turn, if there is one."""
        kept.follower = None
        if turn.done():
            return False
        goes_on = kept.connection.goes_on and not self._is_closed
        turn.set_result(goes_on)
        return goes_on

    def _lose_patience(self) -> None:
        """Send away who waits for too long: one timer is for all."""
        self._patience = None
        following = [
            kept
            for shelf in self._shelves.values()
            for kept in shelf.lent
            if kept.follower is not None and not kept.follower.done()
        ]
        for kept in following:
            if self._seconds() - kept.followed >= PATIENCE and kept.follower is not None:
                kept.follower.set_result(False)
        if following:
            loop = asyncio.get_running_loop()
            self._patience = loop.call_later(PATIENCE, self._lose_patience)

    # Who waits.

    async def _wait(self, waiters: "deque[asyncio.Future[None]]", *, ahead: bool) -> None:
        """Wait for a turn; ``ahead`` of the others who had one and found the place taken."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if ahead:
            waiters.appendleft(turn)
        else:
            waiters.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the turn goes to the next
                if not self._wake_one(waiters):
                    self._wake_one(self._crowd)
            elif turn in waiters:
                waiters.remove(turn)
            raise

    def _wake(self, shelf: _Shelf[C]) -> None:
        """A connection, or the place of one, is free: the key's own come first."""
        if not self._wake_one(shelf.waiters):
            self._wake_one(self._crowd)

    def _wake_one(self, waiters: "deque[asyncio.Future[None]]") -> bool:
        while waiters:
            turn = waiters.popleft()
            if not turn.done():
                turn.set_result(None)
                return True
        return False


def _may_be_followed(kept: _Kept[C], terms: Terms) -> bool:
    """One message more may wait for a connection, which carries it and the one before at least."""
    if kept.follower is not None or kept.messages + 2 > terms.messages:
        return False
    return kept.connection.may_be_followed


def _came(turn: "asyncio.Future[bool]") -> bool:
    return turn.done() and not turn.cancelled() and turn.result()
