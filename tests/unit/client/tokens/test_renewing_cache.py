"""Tokens are requested once, before the old ones expire, and not at once after a failure."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gatepost.client.tokens.contract import AccessToken
from gatepost.client.tokens.renewing_cache import RetryWaits, TokenCache
from gatepost.errors import ConfigError, TokenError
from gatepost.model.secret import Secret

SCOPE = "https://mail.example/.default"
DOWN = TokenError("down", is_transient=True)


class Source:
    """Gives numbered tokens, or fails as it is told to."""

    identity = "the tester"

    def __init__(self, lifetime: float = 3600.0) -> None:
        self.lifetime = lifetime
        self.calls = 0
        self.failure: BaseException | None = None
        self.gate: asyncio.Event | None = None

    async def fetch(self, scope: str) -> AccessToken:
        assert scope
        self.calls += 1
        number = self.calls
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return AccessToken(Secret(f"token {number}"), self.lifetime)


class World:
    def __init__(self, source: Source) -> None:
        self.now = 1000.0
        self.source = source
        self.cache = TokenCache(lambda: self.now, RetryWaits(passing=2, final=30, longest=100))

    async def text(self, scope: str = SCOPE) -> str:
        return (await self.cache.get(self.source, scope)).reveal()

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def fails(self) -> TokenError:
        with pytest.raises(TokenError) as caught:
            await self.text()
        return caught.value


def play(act: Callable[[World], Awaitable[None]], source: Source | None = None) -> None:
    async def run() -> None:
        world = World(source or Source())
        await act(world)
        await world.cache.close()

    asyncio.run(run())


def test_a_token_is_kept() -> None:
    async def act(world: World) -> None:
        assert await world.text() == "token 1"
        world.now += 600
        assert await world.text() == "token 1"
        assert world.source.calls == 1

    play(act)


def test_scopes_have_tokens_of_their_own() -> None:
    async def act(world: World) -> None:
        assert [await world.text("a"), await world.text("b"), await world.text("a")] == [
            "token 1", "token 2", "token 1",
        ]  # fmt: skip

    play(act)


def test_many_callers_share_one_flight() -> None:
    async def act(world: World) -> None:
        world.source.gate = asyncio.Event()
        callers = [asyncio.create_task(world.text()) for _ in range(50)]
        await world.settle()
        callers[0].cancel()
        world.source.gate.set()
        results = await asyncio.gather(*callers[1:])
        assert set(results) == {"token 1"}
        assert world.source.calls == 1

    play(act)


@pytest.mark.parametrize(
    ("lifetime", "still", "renewed"),
    [
        (3600.0, 2879.0, 2880.0),  # four fifths come before the last five minutes
        (600.0, 299.0, 300.0),  # never before half its life
        (86_400.0, 69_119.0, 69_120.0),
        (20.0, 9.0, 10.0),
    ],
)
def test_it_is_renewed_ahead_while_the_old_one_serves(
    lifetime: float, still: float, renewed: float
) -> None:
    async def act(world: World) -> None:
        await world.text()
        world.now = 1000 + still
        assert await world.text() == "token 1"
        assert world.source.calls == 1
        world.now = 1000 + renewed
        assert await world.text() == "token 1"
        await world.settle()
        assert await world.text() == "token 2"

    play(act, Source(lifetime))


def test_an_expired_token_is_replaced_before_use() -> None:
    async def act(world: World) -> None:
        await world.text()
        world.now += 3600 - 29
        assert await world.text() == "token 2"

    play(act)


def test_a_failed_renewal_costs_nothing_while_the_old_one_is_good() -> None:
    async def act(world: World) -> None:
        await world.text()
        world.source.failure = DOWN
        world.now += 3000
        for _ in range(5):
            assert await world.text() == "token 1"
            await world.settle()
        assert world.source.calls == 2
        world.now += 3
        assert await world.text() == "token 1"
        await world.settle()
        assert world.source.calls == 3

    play(act)


@pytest.mark.parametrize(
    ("failure", "waits"),
    [
        (DOWN, [2, 4, 8, 16, 32, 64, 100, 100]),
        (TokenError("no", is_transient=False), [30, 60, 100, 100]),
        (TokenError("slow", is_transient=True, retry_after=50), [50, 50, 50, 50, 50, 64, 100]),
        (ConfigError("the file a cannot be read: Permission denied"), [30, 60]),
        (RuntimeError("s3cret"), [2, 4]),
    ],
)
def test_a_failure_is_remembered_and_asked_about_less_and_less(
    failure: Exception, waits: list[float]
) -> None:
    async def act(world: World) -> None:
        world.source.failure = failure
        for number, wait in enumerate(waits, 1):
            error = await world.fails()
            assert error.retry_after == wait
            assert "s3cret" not in str(error)
            world.now += wait - 0.5
            assert (await world.fails()).retry_after == 0.5
            assert world.source.calls == number
            world.now += 0.5
        world.source.failure = None
        assert (await world.text()).startswith("token")

    play(act)


def test_forgiving_a_failure_asks_at_once() -> None:
    async def act(world: World) -> None:
        world.source.failure = TokenError("no", is_transient=False)
        for _ in range(3):
            await world.fails()
        world.source.failure = None
        world.cache.forgive()
        assert await world.text() == "token 2"

    play(act)


def test_each_caller_gets_an_error_of_its_own() -> None:
    async def act(world: World) -> None:
        world.source.failure = original = TokenError(
            "no: AADSTS7000222", is_transient=False, error="invalid_client", number=7000222
        )
        original.slug = "expired_secret"
        first, second = await world.fails(), await world.fails()
        assert first is not second
        assert (second.slug, second.number, second.error, second.is_transient) == (
            "expired_secret", 7000222, "invalid_client", False,
        )  # fmt: skip

    play(act)


def test_a_rejected_token_is_replaced_once_and_its_replacement_later() -> None:
    """However new it is; a provider that refuses every token is not asked for one after another."""

    async def act(world: World) -> None:
        def try_replace(text: str) -> bool:
            return world.cache.try_replace(world.source, SCOPE, Secret(text))

        assert not try_replace("token 1")  # nobody gave it
        await world.text()
        assert try_replace("token 1")
        assert await world.text() == "token 2"
        assert try_replace("token 1")  # it is not the newest any more
        assert not try_replace("token 2")
        assert not try_replace("token 2")
        assert await world.text() == "token 3"  # in the next attempt
        assert not try_replace("token 3")
        assert await world.text() == "token 4"
        world.now += 61  # it has worked
        assert try_replace("token 4")
        assert await world.text() == "token 5"

    play(act)


def test_a_token_that_was_renewed_in_time_replaces_no_refused_one() -> None:
    async def act(world: World) -> None:
        await world.text()
        assert world.cache.try_replace(world.source, SCOPE, Secret("token 1"))
        await world.text()
        world.now += 3_400
        await world.text()
        await asyncio.sleep(0)
        assert await world.text() == "token 3"
        assert world.cache.try_replace(world.source, SCOPE, Secret("token 3"))

    play(act)


def test_every_connection_with_the_rejected_token_may_retry() -> None:
    """Several connections had it when the provider took it back: all of them may go on."""

    async def act(world: World) -> None:
        shown = Secret(await world.text())
        world.now += 61
        for _ in range(3):
            assert world.cache.try_replace(world.source, SCOPE, shown)
        assert await world.text() == "token 2"
        assert world.cache.try_replace(world.source, SCOPE, shown)
        for _ in range(2):
            assert not world.cache.try_replace(world.source, SCOPE, Secret("token 2"))

    play(act)


def test_a_token_that_is_over_when_it_comes_is_an_error() -> None:
    async def act(world: World) -> None:
        assert "clocks" in str(await world.fails())

    play(act, Source(0.0))


def test_close_ends_what_is_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatepost.client.tokens.renewing_cache.LAST_RESPONSES", 0.001)

    async def act(world: World) -> None:
        world.source.gate = asyncio.Event()
        waiting = asyncio.create_task(world.text())
        await world.settle()
        await world.cache.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    play(act)


def test_close_waits_for_what_is_answered_in_a_moment() -> None:
    async def act(world: World) -> None:
        world.source.gate = asyncio.Event()
        waiting = asyncio.create_task(world.text())
        await world.settle()
        closing = asyncio.create_task(world.cache.close())
        await world.settle()
        world.source.gate.set()
        await closing
        assert await waiting == "token 1"

    play(act)
