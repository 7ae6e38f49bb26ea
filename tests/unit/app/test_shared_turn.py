"""A refresh token that rotates, used by several nodes: the provider never sees a replaced one."""

import asyncio
import shutil
from pathlib import Path
from typing import Any, cast

import pytest

from gatepost.app.shared_turn import SharedTurn
from gatepost.errors import QueueError, TokenError
from gatepost.keys.refresh_tokens import StoredRefreshToken, StoredRefreshTokens
from gatepost.keys.store_key import open_key
from gatepost.model.secret import Secret
from gatepost.queue.cluster_contract import Cluster


class Store:
    """The rows that all nodes share."""

    def __init__(self) -> None:
        self.holders: dict[str, int] = {}
        self.tokens: dict[str, bytes] = {}
        self.is_away = False

    def of(self, epoch: int) -> Cluster:
        return cast("Cluster", FakeCluster(self, epoch))


class FakeCluster:
    """One node's view of them."""

    def __init__(self, store: Store, epoch: int) -> None:
        self._store, self._epoch = store, epoch

    async def try_take_turn(self, key: str, seconds: float, *, is_kept: bool) -> bool:
        await asyncio.sleep(0)
        assert is_kept, "a node that was only paused may still be asking"
        if self._store.is_away:
            raise QueueError("away")
        assert seconds > 30
        return self._store.holders.setdefault(key, self._epoch) == self._epoch

    async def end_turn(self, key: str) -> None:
        await asyncio.sleep(0)
        del self._store.holders[key]

    async def load_token(self, key: str) -> bytes | None:
        await asyncio.sleep(0)
        return self._store.tokens.get(key)

    async def save_token(self, key: str, sealed: bytes, turn: str) -> None:
        await asyncio.sleep(0)
        assert self._store.holders[turn] == self._epoch
        self._store.tokens[key] = sealed


class Provider:
    """Replaces the token at each request."""

    def __init__(self) -> None:
        self.newest, self.requests = "token 0", 0

    async def renew(self, stored: StoredRefreshToken) -> None:
        sent = stored.read().reveal()
        assert sent == self.newest, "it ends all tokens of who sends a replaced one"
        await asyncio.sleep(0.001)
        self.requests += 1
        self.newest = f"token {self.requests}"
        stored.keep(Secret(self.newest))


def node(directory: Path, store: Store, epoch: int) -> tuple[SharedTurn, StoredRefreshToken]:
    def report(event: str, **facts: Any) -> None:
        raise AssertionError(event, facts)

    tokens = StoredRefreshTokens(open_key(directory), report)
    stored = tokens.of("gmail", lambda: Secret("token 0"))
    return SharedTurn(asyncio.Lock(), store.of(epoch), "gmail", stored), stored


@pytest.fixture
def homes(tmp_path: Path) -> list[Path]:
    """Return the directories of three nodes with the same key."""
    made = [tmp_path / name for name in "abc"]
    for each in made:
        each.mkdir()
    open_key(made[0])
    for each in made[1:]:
        shutil.copy(made[0] / "key", each / "key")
    return made


def test_no_replaced_token_is_sent(homes: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatepost.app.shared_turn.PAUSE", 0.001)
    store, provider = Store(), Provider()

    async def use(turn: SharedTurn, stored: StoredRefreshToken) -> None:
        for _ in range(5):
            async with turn:
                await provider.renew(stored)

    async def steps() -> None:
        nodes = [node(home, store, epoch) for epoch, home in enumerate(homes)]
        await asyncio.gather(*[use(*each) for each in nodes])
        assert provider.requests == 15
        turn, stored = node(homes[0], store, 7)  # started again
        async with turn:
            assert stored.read().reveal() == provider.newest

    asyncio.run(asyncio.wait_for(steps(), 60))


def test_a_store_that_is_away_gives_no_turn(homes: list[Path]) -> None:
    store = Store()

    async def steps() -> None:
        turn, _ = node(homes[0], store, 1)
        store.is_away = True
        with pytest.raises(TokenError) as raised:
            await turn.__aenter__()
        assert raised.value.is_transient
        store.is_away = False
        async with turn:  # nothing is locked
            pass
        assert store.holders == {}

    asyncio.run(asyncio.wait_for(steps(), 60))
