"""The control socket with callers that are wrong, gone or send too much."""

import asyncio
import os
import socket
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gatepost.control.socket_server import ControlServer
from gatepost.errors import (
    ConnectError,
    Disconnected,
    GatepostError,
    QueueError,
    QueueFull,
    ResponseLost,
)
from gatepost.model.message import Submission
from gatepost.processes.control_socket import SOCKET
from gatepost.processes.remote_directory import RemoteDirectory
from gatepost.processes.remote_store import RemoteStore
from gatepost.processes.rpc import Calls
from gatepost.processes.rpc_frames import MAX_FRAME
from gatepost.testing.memory import MemoryStore
from tests.contract.directories import azure
from tests.contract.messages import message
from tests.loopback import until


class Behind(MemoryStore):
    """Fails or answers as the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.failure: Exception | None = None
        self.gate: asyncio.Future[None] | None = None
        self.waiting = 0
        """How many messages have come to the gate."""

    def put(self, submission: Submission) -> asyncio.Future[None]:
        if self.failure is not None:
            failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            failed.set_exception(self.failure)
            return failed
        if self.gate is not None:
            self.waiting += 1
            return asyncio.ensure_future(self._put_later(self.gate, submission))
        return super().put(submission)

    async def _put_later(self, gate: "asyncio.Future[None]", submission: Submission) -> None:
        await gate
        await super().put(submission)


Steps = Callable[[Path, Behind], Awaitable[None]]


@pytest.fixture
def served(tmp_path: Path) -> Callable[[Steps], None]:
    """Run steps with a control socket."""

    def run(steps: Steps) -> None:
        async def serve() -> None:
            behind = Behind()
            server = await ControlServer(tmp_path, behind, (await azure()).directory).serve()
            try:
                await asyncio.wait_for(steps(tmp_path / SOCKET, behind), 60)
            finally:
                server.close()
                await asyncio.sleep(0.01)

        asyncio.run(serve())

    return run


async def hang_up(calls: Calls) -> None:
    calls.close()
    await calls.lost.wait()


def test_only_the_owner_may_connect(served: Callable[[Steps], None]) -> None:
    async def steps(path: Path, behind: Behind) -> None:
        mode = os.lstat(path).st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) & 0o077 == 0

    served(steps)


def test_a_relay_says_which_parts_it_does_not_have(served: Callable[[Steps], None]) -> None:
    async def steps(path: Path, behind: Behind) -> None:
        calls = await Calls.connect(path)
        for part, said in (
            ("clock", "only `gatepost up` has a clock"),
            ("events", "only `gatepost up` has scripted outcomes"),
        ):
            with pytest.raises(ValueError, match=said):
                await calls.call(dict[str, Any], part, "list", {})
        await hang_up(calls)

    served(steps)


GARBAGE = [
    b"\x00\x00\x00\x05hello",
    b"\x00\x00\x00\x00",
    (MAX_FRAME + 1).to_bytes(4, "big"),
    b"GET / HTTP/1.1\r\n\r\n" * 10,
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=["text", "empty", "huge", "http"])
def test_garbage_ends_its_own_connection_alone(
    served: Callable[[Steps], None], garbage: bytes
) -> None:
    async def steps(path: Path, behind: Behind) -> None:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(garbage)
        try:
            assert await reader.read() == b""
        except ConnectionResetError:
            pass
        writer.close()
        calls = await Calls.connect(path)
        assert await RemoteStore(calls).count() == 0
        await hang_up(calls)

    served(steps)


def test_wrong_requests_get_an_error(
    served: Callable[[Steps], None],
) -> None:
    async def steps(path: Path, behind: Behind) -> None:
        calls = await Calls.connect(path)
        for operation, arguments in (
            ("nonsense", ()),
            ("count", (1,)),
            ("get", (1,)),
            ("put", ("no submission",)),
            ("upload", (1, "no octets")),
            ("put_upload", (7, "none")),
        ):
            with pytest.raises(GatepostError):
                await calls.ask(operation, *arguments)
        assert await RemoteStore(calls).count() == 0
        await hang_up(calls)

    served(steps)


FAILURES: list[tuple[Exception, type[Exception]]] = [
    (QueueFull("full"), QueueFull),
    (QueueError("broken"), QueueError),
    (RuntimeError("bug"), GatepostError),
    (QueueError("lone \udcff"), QueueError),
]


@pytest.mark.parametrize(("failure", "expected"), FAILURES)
@pytest.mark.parametrize("size", [10, 1_000_000])
def test_a_failure_arrives_as_what_it_was(
    served: Callable[[Steps], None],
    failure: Exception,
    expected: type[Exception],
    size: int,
) -> None:
    async def steps(path: Path, behind: Behind) -> None:
        calls = await Calls.connect(path)
        store = RemoteStore(calls)
        behind.failure = failure
        with pytest.raises(expected):
            await store.put(message("a", body=bytes(size)))
        behind.failure = None
        await store.put(message("b", body=bytes(size)))
        assert await store.count() == 1
        await hang_up(calls)

    served(steps)


def test_a_caller_that_dies_does_not_cancel_its_commit(
    served: Callable[[Steps], None],
) -> None:
    async def steps(path: Path, behind: Behind) -> None:
        behind.gate = asyncio.get_running_loop().create_future()
        calls = await Calls.connect(path)
        puts = [
            RemoteStore(calls).put(message(name, body=bytes(size)))
            for name, size in (("small", 10), ("large", 1_000_000))
        ]
        await until(lambda: behind.waiting == len(puts))
        await hang_up(calls)
        for put in puts:
            with pytest.raises(ResponseLost):
                await put
        behind.gate.set_result(None)
        await asyncio.sleep(0.05)
        assert await behind.count() == 2

    served(steps)


def test_a_message_that_was_only_sent_in_part_is_not_in_the_store(
    served: Callable[[Steps], None],
) -> None:
    async def steps(path: Path, behind: Behind) -> None:
        calls = await Calls.connect(path)
        put = RemoteStore(calls).put(message("large", body=bytes(1_000_000)))
        await asyncio.sleep(0)
        await hang_up(calls)
        with pytest.raises(Disconnected) as caught:
            await put
        assert not isinstance(caught.value, ResponseLost)
        assert await behind.count() == 0

    served(steps)


def test_requests_fail_when_the_relay_goes_away(served: Callable[[Steps], None]) -> None:
    async def steps(path: Path, behind: Behind) -> None:
        calls = await Calls.connect(path)
        store, directory = RemoteStore(calls), await RemoteDirectory.connect(calls)
        waiting = asyncio.ensure_future(store.wait(timeout=60, selection=None))  # type: ignore[arg-type]  # never read
        await asyncio.sleep(0)
        await hang_up(calls)
        with pytest.raises(Disconnected):
            await waiting
        with pytest.raises(Disconnected):
            await store.put(message("a"))
        with pytest.raises(Disconnected):
            await store.count()
        with pytest.raises(Disconnected):
            await directory.verifier("x", "PLAIN")

    served(steps)


def test_a_missing_or_stale_socket_is_a_connect_error(tmp_path: Path) -> None:
    async def steps() -> None:
        with pytest.raises(ConnectError, match="nobody answers at"):
            await Calls.connect(tmp_path / SOCKET)
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(str(tmp_path / SOCKET))
        with pytest.raises(ConnectError, match="nobody answers at"):
            await Calls.connect(tmp_path / SOCKET)

    asyncio.run(steps())
