"""Connections are kept for the next message, and closed when they are worn, old or lost."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gatepost.errors import ConnectError, Disconnected
from gatepost.relay.transport.connection_pool import Loan, Pool, PoolTerms


class Line:
    """A connection that a test can break."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.is_usable = True
        self.checks = 0
        self.answers = True
        self.closed = False
        self.gate: asyncio.Event | None = None

    async def check(self) -> None:
        self.checks += 1
        if self.gate is not None:
            await self.gate.wait()
        if not self.answers:
            raise Disconnected("gone")

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.closed = True


class World:
    def __init__(self, **options: float) -> None:
        self.now = 100.0
        self.made: list[Line] = []
        self.opened = self.failures = 0
        self.failure: Exception | None = None
        idle = int(options.pop("idle", 100))
        self.pool: Pool[Line] = Pool(idle=idle, seconds=lambda: self.now)
        self.terms = self.make_terms()

    def make_terms(self, connections: int = 2, messages: int = 3, idle: float = 60.0) -> PoolTerms:
        return PoolTerms(connections, messages, idle)

    @property
    def closed(self) -> int:
        return self.failures + sum(each.closed for each in self.made)

    async def _open(self) -> Line:
        self.opened += 1
        await asyncio.sleep(0)
        if self.failure is not None:
            self.failures += 1
            raise self.failure
        self.made.append(Line(len(self.made)))
        return self.made[-1]

    async def borrow(self, key: str = "a") -> Loan[Line]:
        return await self.pool.borrow(key, self.terms, self._open)

    def lend(self, key: str = "a") -> Loan[Line]:
        loan = self.pool.lend(key, self.terms)
        assert loan is not None
        return loan

    async def use(self, key: str = "a") -> int:
        with await self.borrow(key) as loan:
            return loan.connection.number

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)


def play(act: Callable[[World], Awaitable[None]], **options: float) -> None:
    async def run() -> None:
        world = World(**options)
        await asyncio.wait_for(act(world), 60)
        await world.pool.close()
        assert all(each.closed for each in world.made)
        assert world.opened == world.closed

    asyncio.run(run())


def test_the_next_message_takes_the_same_connection() -> None:
    async def act(world: World) -> None:
        assert [await world.use(), await world.use(), await world.use("b")] == [0, 0, 1]
        assert (world.pool.count("a"), world.pool.idle("a"), world.pool.idle("c")) == (1, 1, 0)

    play(act)


def test_a_retired_pool_lends_and_keeps_nothing() -> None:
    async def act(world: World) -> None:
        with await world.borrow() as lent:
            await world.use("b")
            await world.pool.retire()
            assert [each.closed for each in world.made] == [False, True]
            assert lent.connection.number == 0
        assert await world.use() == 2
        await world.settle()
        assert [each.closed for each in world.made] == [True, True, True]

    play(act)


def test_it_is_closed_after_its_messages() -> None:
    async def act(world: World) -> None:
        assert [await world.use() for _ in range(7)] == [0, 0, 0, 1, 1, 1, 2]
        await world.settle()
        assert [each.closed for each in world.made] == [True, True, False]

    play(act)


def test_a_loan_knows_whether_it_is_fresh() -> None:
    async def act(world: World) -> None:
        with await world.borrow() as loan:
            assert loan.is_fresh
        with await world.borrow() as loan:
            assert not loan.is_fresh

    play(act)


def test_an_unusable_connection_is_not_kept() -> None:
    async def act(world: World) -> None:
        with await world.borrow() as loan:
            loan.connection.is_usable = False
        assert await world.use() == 1

    play(act)


def test_a_connection_lost_while_idle_is_not_lent() -> None:
    async def act(world: World) -> None:
        await world.use()
        world.made[0].is_usable = False
        assert await world.use() == 1
        assert world.made[0].checks == 0

    play(act)


@pytest.mark.parametrize(
    ("rest", "answers", "checks", "lent"),
    [(9.9, True, 0, 0), (10.0, True, 1, 0), (10.0, False, 1, 1)],
)
def test_a_connection_idle_for_long_is_checked_first(
    rest: float, answers: bool, checks: int, lent: int
) -> None:
    async def act(world: World) -> None:
        await world.use()
        world.now += rest
        world.made[0].answers = answers
        assert await world.use() == lent
        assert world.made[0].checks == checks

    play(act)


def test_a_connection_idle_for_too_long_is_closed() -> None:
    async def act(world: World) -> None:
        world.terms = world.make_terms(idle=0.01)
        await world.use()
        await asyncio.sleep(0.05)
        assert world.made[0].closed
        assert world.pool.count("a") == 0

    play(act)


def test_more_than_may_be_wait_for_a_turn() -> None:
    async def act(world: World) -> None:
        first, second = await world.borrow(), await world.borrow()
        third = asyncio.create_task(world.use())
        await world.settle()
        assert not third.done()
        with second:
            pass
        assert await third == 1
        with first:
            pass
        assert world.opened == 2

    play(act)


def test_a_place_is_free_when_the_old_connection_is_closed() -> None:
    async def act(world: World) -> None:
        world.terms = world.make_terms(connections=1, messages=1)
        with await world.borrow():
            waiting = asyncio.create_task(world.use())
            await world.settle()
        assert await waiting == 1
        assert world.made[0].closed

    play(act)


def test_a_failure_to_open_frees_its_place() -> None:
    async def act(world: World) -> None:
        world.terms = world.make_terms(connections=1)
        world.failure = ConnectError("refused")
        with pytest.raises(ConnectError):
            await world.borrow()
        world.failure = None
        assert await world.use() == 0

    play(act)


def test_a_cancelled_waiter_passes_its_turn_on() -> None:
    async def act(world: World) -> None:
        world.terms = world.make_terms(connections=1)
        loan = await world.borrow()
        waiting = [asyncio.create_task(world.use()) for _ in range(3)]
        await world.settle()
        waiting[0].cancel()
        with loan:
            pass
        waiting[1].cancel()
        assert await waiting[2] == 0

    play(act)


def test_a_borrower_that_is_cancelled_while_it_asks_loses_the_connection_not_the_place() -> None:
    async def act(world: World) -> None:
        world.terms = world.make_terms(connections=1)
        await world.use()
        world.now += 20
        world.made[0].gate = asyncio.Event()
        asking = asyncio.create_task(world.use())
        await world.settle()
        asking.cancel()
        await world.settle()
        assert world.made[0].closed
        assert await world.use() == 1

    play(act)


def test_of_too_many_idle_connections_the_one_that_rested_longest_is_closed() -> None:
    async def act(world: World) -> None:
        await world.use("a")
        world.now += 1
        await world.use("b")
        assert await world.use("c") == 2
        await world.settle()
        assert [each.closed for each in world.made] == [True, False, False]

    play(act, idle=2)


def test_connections_in_use_prevent_none_to_other_servers() -> None:
    async def act(world: World) -> None:
        loans = [await world.borrow(f"hung{number}") for number in range(1000)]
        assert await world.use("b") == 1000
        for loan in loans:
            with loan:
                pass
        await world.settle()
        assert world.opened - world.closed == 5

    play(act, idle=5)


def test_fewer_connections_than_before() -> None:
    async def act(world: World) -> None:
        loans = [await world.borrow(), await world.borrow()]
        world.terms = world.make_terms(connections=1)
        lent = [Loan(world.pool, each._group, world.terms, each._pooled) for each in loans]
        for each in lent:
            with each:
                pass
        await world.settle()
        assert world.pool.count("a") == 1

    play(act)


def test_a_closed_pool_lends_nothing_and_keeps_nothing() -> None:
    async def act(world: World) -> None:
        world.terms = world.make_terms(connections=1)
        loan = await world.borrow()
        waiting = asyncio.create_task(world.use())
        await world.settle()
        await world.pool.close()
        with pytest.raises(Disconnected):
            await waiting
        with loan:
            pass
        await world.pool.close()
        assert world.made[0].closed

    play(act)


@pytest.mark.parametrize("steps", range(4))
def test_the_end_comes_whenever_the_last_one_has_been_closed(steps: int) -> None:
    async def act(world: World) -> None:
        with await world.borrow() as loan:
            loan.connection.is_usable = False
        for _ in range(steps):
            await asyncio.sleep(0)

    play(act)


def test_under_load_nothing_is_lost() -> None:
    async def act(world: World) -> None:
        world.terms = world.make_terms(connections=3, messages=4)
        busy: dict[str, int] = {}
        peak: dict[str, int] = {}

        async def work(number: int) -> None:
            key = "abcd"[number % 4]
            lent = world.pool.lend(key, world.terms) or await world.borrow(key)
            with lent as loan:
                busy[key] = busy.get(key, 0) + 1
                peak[key] = max(peak.get(key, 0), busy[key])
                await asyncio.sleep(0)
                loan.connection.is_usable = number % 7 != 0
                busy[key] -= 1

        jobs = [asyncio.create_task(work(number)) for number in range(400)]
        for each in jobs[::11]:
            each.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        assert max(peak.values()) <= 3
        await world.settle()
        assert world.opened - world.closed <= 5

    play(act, idle=5)
