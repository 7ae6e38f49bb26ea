"""Mail to the domain for bounces has a limit of its own, which deletes the oldest of it."""

import asyncio
from typing import Any

import pytest

from gatepost.errors import QueueError
from gatepost.feedback import kept_bounces
from gatepost.feedback.kept_bounces import KeptBounces
from gatepost.model.message import Submission
from gatepost.testing.memory import MemoryStore
from tests.contract.messages import envelope, message

DOMAIN = "bounces.example.com"


class World:
    def __init__(self) -> None:
        self.store, self.told = MemoryStore(), list[dict[str, Any]]()
        self.restart()

    def restart(self) -> None:
        def report(event: str, **facts: Any) -> None:
            assert event == "bounces_deleted"
            self.told.append(facts)

        self.kept = KeptBounces(DOMAIN, self.store, report)

    async def put(self, id_: str, size: int = 10, to: str = f"x@{DOMAIN.upper()}") -> None:
        submission: Submission = message(id_, b"x" * size, envelope=envelope("", to))
        await self.store.put(submission)
        if to.lower().endswith(DOMAIN):
            await self.kept.add(submission)

    async def ids(self) -> list[str]:
        return [each.id for each in reversed(await self.store.list())]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(kept_bounces, "MOST", 3)
    monkeypatch.setattr(kept_bounces, "MOST_OCTETS", 100)
    return World()


def test_of_too_many_the_oldest_go(world: World) -> None:
    async def steps() -> None:
        await world.put("mine", to="ann@example.net")
        for each in "abcde":
            await world.put(each)
        assert await world.ids() == ["mine", "c", "d", "e"]
        assert world.told == [{"count": 1, "octets": 10}] * 2

    asyncio.run(steps())


def test_a_large_one_makes_room_for_itself(world: World) -> None:
    async def steps() -> None:
        await world.put("a", 40)
        await world.put("b", 40)
        await world.put("c", 90)
        assert await world.ids() == ["c"]
        await world.put("d", 1_000)
        assert await world.ids() == []

    asyncio.run(steps())


def test_a_restart_changes_nothing(world: World) -> None:
    async def steps() -> None:
        for each in "abc":
            await world.put(each)
        world.restart()
        await world.put("d")
        assert await world.ids() == ["b", "c", "d"]

    asyncio.run(steps())


def test_what_could_not_be_deleted_is_deleted_with_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_ids: Any) -> int:
        raise QueueError("the disk is full")

    async def steps() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(world.store, "delete", fail)
            for each in "abcdef":
                await world.put(each)
        assert len(await world.ids()) == 6
        await world.put("g")
        assert await world.ids() == ["e", "f", "g"]
        assert world.told == [{"count": 4, "octets": 40}]

    asyncio.run(steps())


def test_what_the_operator_deleted_counts_no_more_than_once(world: World) -> None:
    async def steps() -> None:
        for each in "abc":
            await world.put(each)
        await world.store.delete(["a", "b"])
        await world.put("d")
        await world.put("e")
        assert await world.ids() == ["c", "d", "e"]

    asyncio.run(steps())
