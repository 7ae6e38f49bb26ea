"""The contracts of store and directory, kept over a real control socket."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gatepost.control.socket_server import ControlServer
from gatepost.directory.contract import Directory
from gatepost.errors import QueueFull
from gatepost.model.message import Submission
from gatepost.processes.control_socket import SOCKET
from gatepost.processes.remote_directory import RemoteDirectory
from gatepost.processes.remote_store import RemoteStore
from gatepost.processes.rpc import Calls
from gatepost.queue.store_contract import Store
from gatepost.testing.memory import MemoryStore
from tests.contract import test_directory, test_store
from tests.contract.directories import CASES, Case
from tests.contract.messages import message

BEHIND = {
    "test_records_are_saved_replaced_and_deleted",  # only the store process itself does
    "test_records_of_a_message_go_with_it",
    "test_no_refusal_while_there_is_space",  # sent with an answer; see below
}


def _tests_of(module: Any) -> dict[str, Any]:
    return {
        name: value
        for name, value in vars(module).items()
        if name.startswith("test_") and name not in BEHIND
    }


globals().update(_tests_of(test_store) | _tests_of(test_directory))


@asynccontextmanager
async def over_socket(data: Path, store: Store, directory: Directory) -> AsyncIterator[Calls]:
    server = await ControlServer(data, store, directory).serve()
    calls = await Calls.connect(data / SOCKET)
    try:
        yield calls
    finally:
        calls.close()
        await calls.lost.wait()
        server.close()
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def connected(tmp_path: Path, store: RemoteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the suites connect before their steps."""

    async def with_store(steps: Awaitable[Any]) -> None:
        directory = (await CASES["azure"]()).directory
        async with over_socket(tmp_path, MemoryStore(), directory) as calls:
            RemoteStore.__init__(store, calls)
            await asyncio.wait_for(steps, 60)

    async def with_directory(
        make: Callable[[], Awaitable[Case]], steps: Callable[[Case], Awaitable[None]]
    ) -> None:
        case = await make()
        async with over_socket(tmp_path, MemoryStore(), case.directory) as calls:
            remote = await RemoteDirectory.connect(calls)
            await asyncio.wait_for(steps(replace(case, directory=remote)), 60)

    monkeypatch.setattr(test_store, "run", lambda steps: asyncio.run(with_store(steps)))
    monkeypatch.setattr(
        test_directory, "run", lambda make, steps: asyncio.run(with_directory(make, steps))
    )


@pytest.fixture
def store() -> RemoteStore:
    """Return a store that is not connected yet: that needs a running loop."""
    return RemoteStore.__new__(RemoteStore)


@pytest.fixture(params=CASES)
def make(request: pytest.FixtureRequest) -> Callable[[], Awaitable[Case]]:
    return CASES[request.param]


def test_a_refusal_comes_with_an_answer_and_is_requested_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatepost.processes.remote_store.REFUSAL_HOLDS", 0.0)

    async def steps() -> None:
        behind = MemoryStore()
        directory = (await CASES["azure"]()).directory
        async with over_socket(tmp_path, behind, directory) as calls:
            remote = RemoteStore(calls)
            assert remote.refusal == ""
            behind.refusal = "the disk is full"
            await remote.put(message("a"))
            assert remote.refusal == "the disk is full"
            behind.refusal = ""
            assert remote.refusal == "the disk is full", "until the question is answered"
            await remote.count()
            assert remote.refusal == ""
            await remote.put(message("b", body=bytes(1_000_000)))
            assert await remote.count() == 2

    asyncio.run(asyncio.wait_for(steps(), 60))


def test_a_refusal_is_noted_when_a_message_was_refused(tmp_path: Path) -> None:
    """A store that accepts nothing answers no ``put`` with its refusal."""

    async def steps() -> None:
        behind = FullStore()
        directory = (await CASES["azure"]()).directory
        async with over_socket(tmp_path, behind, directory) as calls:
            remote = RemoteStore(calls)
            with pytest.raises(QueueFull):
                await remote.put(message("a"))
            assert remote.refusal == "the database does not answer"

    asyncio.run(asyncio.wait_for(steps(), 60))


class FullStore(MemoryStore):
    def put(self, submission: Submission) -> "asyncio.Future[None]":  # noqa: ARG002
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.set_exception(QueueFull("the database does not answer"))
        return future
