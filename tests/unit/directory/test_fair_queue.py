"""The fair queue: one turn for each peer, however often it asks."""

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
        await asyncio.wait_for(steps(), 30)

    asyncio.run(all_steps())


def test_a_single_request_waits_for_one_of_each_peer() -> None:
    async def steps() -> None:
        queue = Queue()
        await queue.come("storm", *["storm"] * 20, *["gale"] * 20)
        await queue.come("calm")
        await queue.all_gone()
        assert queue.had.index("calm") <= 5
        assert len(queue.had) == 42

    run(steps)


def test_proven_peers_go_first_and_refused_ones_last() -> None:
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


def test_a_request_behind_too_many_others_is_refused_at_once() -> None:
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


def test_cancelled_requests_take_no_turn() -> None:
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


@pytest.mark.parametrize(
    ("rush", "newcomer"),
    [
        ([f"192.0.2.{number}" for number in range(200)], "198.51.100.1"),
        ([f"2001:db8:1:{number:x}::/64" for number in range(200)], "2001:db8:2::/64"),
        ([f"192.0.2.{number}" for number in range(200)], "unix"),
    ],
)
def test_networks_take_turns_too(rush: list[str], newcomer: str) -> None:
    """A rush from one network keeps others waiting for a turn of its, not for all of it."""

    async def steps() -> None:
        queue = Queue(most_ahead=300)
        await queue.come(*rush)
        await queue.come(newcomer)
        await queue.all_gone()
        assert queue.had.index(newcomer) <= 3
        assert queue.had[:1] + queue.had[-1:] == [rush[0], rush[-1]]

    run(steps)


def test_the_addresses_of_a_network_take_turns() -> None:
    async def steps() -> None:
        queue = Queue()
        await queue.come(*["192.0.2.1"] * 20, *["192.0.2.2"] * 20)
        await queue.come("192.0.2.3")
        await queue.all_gone()
        assert queue.had.index("192.0.2.3") <= 5

    run(steps)


def test_a_flooding_network_delays_only_itself() -> None:
    async def steps() -> None:
        queue = Queue(most_ahead=10)
        await queue.come(*[f"192.0.2.{number}" for number in range(11)])
        with pytest.raises(TooMany):
            async with queue.turns.turn("192.0.2.99"):
                pass
        await queue.come("198.51.100.1")
        await queue.all_gone()
        assert "198.51.100.1" in queue.had

    run(steps)


def test_with_a_share_no_peer_and_no_network_has_all_turns() -> None:
    async def steps() -> None:
        queue, has_ended = FairQueue(4, share=2), asyncio.Event()
        had: list[str] = []

        async def ask(peer: str) -> None:
            async with queue.turn(peer):
                had.append(peer)
                await has_ended.wait()

        tasks = []
        for peer in ("192.0.2.1", "192.0.2.2", "198.51.100.1"):
            tasks += [asyncio.create_task(ask(peer)) for _ in range(5)]
        await asyncio.sleep(0)
        assert had == ["192.0.2.1", "192.0.2.1", "192.0.2.2", "198.51.100.1"]
        has_ended.set()
        await asyncio.gather(*tasks)
        assert len(had) == 15
        for _ in range(5):  # all turns are free again
            await ask("192.0.2.1")

    run(steps)


def test_what_waits_for_its_share_holds_up_nobody() -> None:
    async def steps() -> None:
        queue, has_ended = FairQueue(3, share=1), {name: asyncio.Event() for name in "abc"}
        had: list[str] = []

        async def ask(peer: str) -> None:
            async with queue.turn(peer):
                had.append(peer)
                await has_ended[peer].wait()

        tasks = [asyncio.create_task(ask(peer)) for peer in "aabbc"]
        await asyncio.sleep(0)
        assert had == ["a", "b", "c"]
        has_ended["c"].set()
        await asyncio.sleep(0)
        assert had == ["a", "b", "c"], "the turn of c stays free"
        tasks[1].cancel()
        has_ended["b"].set()
        tasks.append(asyncio.create_task(ask("c")))
        await asyncio.gather(tasks[2], tasks[3], tasks[4], tasks[5])
        has_ended["a"].set()
        await tasks[0]
        assert had == ["a", "b", "c", "c", "b"]

    run(steps)
