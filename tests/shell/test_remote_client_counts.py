"""Front processes keep the places of clients that left, which causes no refusals."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from gatepost.control.socket_server import ControlServer
from gatepost.policy.client_limits import ClientCounts, ClientLimits, LocalClientCounter
from gatepost.processes.control_socket import SOCKET
from gatepost.processes.front_caches import PATIENCE, VACATE
from gatepost.processes.remote_client_counts import RemoteClientCounter
from gatepost.processes.remote_directory import RemoteDirectory
from gatepost.processes.rpc import Calls
from gatepost.testing.memory import MemoryStore
from tests.contract.directories import CASES

HERE, THERE = "192.0.2.1", "198.51.100.7"

Steps = Callable[[list[Calls], list[RemoteClientCounter]], Awaitable[None]]


def run(tmp_path: Path, limits: ClientLimits, steps: Steps) -> None:
    """Run steps with two front processes whose clients are counted together."""
    run_counted(tmp_path, ClientCounts(limits, time.monotonic), steps)


def run_counted(tmp_path: Path, counts: ClientCounts, steps: Steps) -> None:
    """Run steps with two front processes whose clients are counted together."""

    async def serve() -> None:
        case = await CASES["accounts"]()
        server = await ControlServer(
            tmp_path, MemoryStore(), case.directory, clients=counts
        ).serve()
        calls = [await Calls.connect(tmp_path / SOCKET) for _ in range(2)]
        await asyncio.wait_for(steps(calls, [RemoteClientCounter(each) for each in calls]), 60)
        for each in calls:
            each.close()
            await each.lost.wait()
        server.close()
        await asyncio.sleep(0)

    asyncio.run(serve())


async def admits(front: RemoteClientCounter, address: str) -> bool:
    """Return the answer, that is there or comes, to another client."""
    answer = front.try_enter(address)
    return answer if isinstance(answer, bool) else await answer


def test_the_next_client_of_an_address_takes_the_place_of_one_that_left(tmp_path: Path) -> None:
    async def steps(_: list[Calls], fronts: list[RemoteClientCounter]) -> None:
        first, second = fronts
        assert await admits(first, HERE)
        first.leave(HERE)
        assert first.try_enter(HERE) is True, "at once"
        assert not await admits(first, HERE), "the place was one"
        assert not await admits(second, HERE)
        assert await admits(second, THERE), "and it is not another address's"

    run(tmp_path, ClientLimits(sessions=1), steps)


@pytest.mark.parametrize("limits", [ClientLimits(sessions=2), ClientLimits(connections=2)])
def test_a_reserved_unused_place_refuses_no_client(tmp_path: Path, limits: ClientLimits) -> None:
    async def steps(_: list[Calls], fronts: list[RemoteClientCounter]) -> None:
        first, second = fronts
        assert await admits(first, HERE)
        assert await admits(first, HERE)
        assert not await admits(second, HERE)
        first.leave(HERE)
        first.leave(HERE)
        assert await admits(second, HERE)
        assert await admits(first, HERE), "it gave both back, and asks again"
        assert not await admits(first, HERE)
        assert not await admits(second, HERE)

    run(tmp_path, limits, steps)


def test_a_pending_disconnect_is_counted_before_a_refusal(tmp_path: Path) -> None:
    async def steps(_: list[Calls], fronts: list[RemoteClientCounter]) -> None:
        first, second = fronts
        assert await admits(first, HERE)
        come = asyncio.ensure_future(admits(second, HERE))
        loop = asyncio.get_running_loop()
        heard = first._calls.hears[VACATE]

        def hear(number: msgspec.Raw) -> None:
            heard(number)
            loop.call_soon(first.leave, HERE)  # which the loop reads from its socket next

        first._calls.hears[VACATE] = hear
        assert await come

    run(tmp_path, ClientLimits(sessions=1), steps)


def test_places_are_given_back_after_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatepost.processes.remote_client_counts.RESERVED", 0.0)

    async def steps(calls: list[Calls], fronts: list[RemoteClientCounter]) -> None:
        first, second = fronts
        assert await admits(first, HERE)
        first.leave(HERE)
        await asyncio.sleep(0.01)
        calls[0].hears.clear()
        assert await asyncio.wait_for(admits(second, HERE), 60), "nobody had to be asked"

    run(tmp_path, ClientLimits(sessions=1), steps)


def test_a_front_process_that_hangs_is_not_waited_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatepost.processes.front_caches.PATIENCE", 0.05)

    async def steps(calls: list[Calls], fronts: list[RemoteClientCounter]) -> None:
        hanging, other = fronts
        assert await admits(hanging, HERE)
        calls[0].hears.clear()
        assert not await admits(other, HERE)
        assert not calls[0].lost.is_set(), "its clients stay"
        monkeypatch.setattr("gatepost.processes.front_caches.PATIENCE", 60)
        assert not await admits(other, HERE), "nor by everybody"

    run(tmp_path, ClientLimits(sessions=1), steps)


def test_a_front_process_that_is_still_starting_is_not_waited_for(tmp_path: Path) -> None:
    async def steps(_: list[Calls], fronts: list[RemoteClientCounter]) -> None:
        starting = await Calls.connect(tmp_path / SOCKET)
        await RemoteDirectory.connect(starting)
        assert await admits(fronts[0], HERE)
        assert not await asyncio.wait_for(admits(fronts[1], HERE), PATIENCE / 2)
        starting.close()
        await starting.lost.wait()

    run(tmp_path, ClientLimits(sessions=1), steps)


def test_a_reserved_unused_place_is_available_to_the_store_process(tmp_path: Path) -> None:
    counts = ClientCounts(ClientLimits(sessions=1), time.monotonic)
    here = LocalClientCounter(counts)

    async def steps(_: list[Calls], fronts: list[RemoteClientCounter]) -> None:
        assert await admits(fronts[0], HERE)
        assert not await here.try_enter_late(HERE)
        fronts[0].leave(HERE)
        assert not here.try_enter(HERE)
        assert await here.try_enter_late(HERE)

    run_counted(tmp_path, counts, steps)


def test_a_lost_front_frees_its_used_and_reserved_places(tmp_path: Path) -> None:
    async def steps(calls: list[Calls], fronts: list[RemoteClientCounter]) -> None:
        gone, other = fronts
        assert await admits(gone, HERE)
        assert await admits(gone, HERE)
        gone.leave(HERE)
        calls[0].close()
        await calls[0].lost.wait()
        assert await admits(other, HERE)
        assert await admits(other, HERE)
        assert not await admits(other, HERE)

    run(tmp_path, ClientLimits(sessions=2), steps)
