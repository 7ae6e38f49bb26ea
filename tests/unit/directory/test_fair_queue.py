"""Turns: one for each peer, whoever asks how often."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gatepost.directory.fair_queue import FairQueue, Rank, TooMany


class Queue:
    """Turns that are taken one at a time, and who had one, in order."""

    def __init__(self, most_ahead: int = 100) -> None:
        self.turns = FairQueue(1, most_ahead)
        self.had: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def come(self, *peers: str, rank: Rank = Rank.UNKNOWN) -> None:
        self.tasks += [asyncio.create_task(self._take(each, rank)) for each in peers]
        await asyncio.sleep(0)

    async def _take(self, peer: str, rank: Rank) -> None:
        async with self.turns.turn(peer, rank):
            self.had.append(peer)
            await asyncio.sleep(0)

    async def all_gone(self) -> None:
        await asyncio.gather(*self.tasks, return_exceptions=True)


def run(steps: Callable[[], Awaitable[Any]]) -> None:
    async def all_steps() -> None:
        await asyncio.wait_for(steps(), 5)

    asyncio.run(all_steps())


def test_who_asks_once_waits_for_one_of_each_peer_and_no_more() -> None:
    async def steps() -> None:
        queue = Queue()
        await queue.come("storm", *["storm"] * 20, *["gale"] * 20)
        await queue.come("calm")
        await queue.all_gone()
        assert queue.had.index("calm") <= 5
        assert len(queue.had) == 42

    run(steps)


def test_who_was_right_before_goes_first_and_who_was_wrong_last() -> None:
    async def steps() -> None:
        queue = Queue()
        await queue.come(*[f"storm {number}" for number in range(50)])
        await queue.come("wrong before", rank=Rank.REFUSED)
        await queue.come("new")
        await queue.come("right before", rank=Rank.PROVEN)
        await queue.all_gone()
        assert queue.had.index("right before") <= 4
        assert queue.had[-2:] == ["new", "wrong before"]

    run(steps)


def test_who_would_wait_for_too_many_is_told_at_once() -> None:
    async def steps() -> None:
        queue = Queue(most_ahead=10)
        await queue.come(*["storm"] * 11)
        with pytest.raises(TooMany):
            async with queue.turns.turn("storm"):
                pass
        await queue.come("calm")  # has a line of its own, and two ahead at most
        await queue.all_gone()
        assert "calm" in queue.had

    run(steps)


def test_who_leaves_takes_no_turn_and_loses_none() -> None:
    async def steps() -> None:
        queue = Queue()
        await queue.come(*"abcd")
        queue.tasks[1].cancel()
        queue.tasks[2].cancel()
        await queue.all_gone()
        assert queue.had == ["a", "d"]
        await queue.come("e")
        assert queue.had[-1] == "e"

    run(steps)
