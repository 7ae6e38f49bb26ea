"""An attempt that is given up ends in a deferral, and leaves its worker as it was."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from gatepost.relay.attempt import AttemptRunner


def _now() -> datetime:
    return datetime(2026, 6, 1, tzinfo=UTC)


class Silent:
    """A transport whose server never answers."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()

    async def deliver(self, *arguments: Any) -> None:
        del arguments
        self.begun.set()
        await asyncio.Event().wait()


class Worker:
    """A task that makes an attempt, and then goes on."""

    def __init__(self) -> None:
        self.slot = SimpleNamespace(give_up=None, step=lambda: "greeting")
        self.transport = Silent()
        self.cancelling = -1
        self.result: Any = None
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        runner: Any = object.__new__(AttemptRunner)
        runner._transports = {"out": self.transport}
        runner._admission, runner._now = SimpleNamespace(seconds=lambda: 0.0), _now
        made: Any = SimpleNamespace(
            target=SimpleNamespace(name="out"),
            server=SimpleNamespace(host="mail.example.com", address="192.0.2.1"),
            permit=SimpleNamespace(slot=self.slot),
        )
        lease: Any = SimpleNamespace(delivery=SimpleNamespace(waiting=("ann", "bob")))
        self.result = await runner._deliver(lease, None, made)
        await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        self.cancelling = task.cancelling()

    def give_up(self) -> None:
        assert self.slot.give_up is not None
        self.slot.give_up()

    def cancel(self) -> None:
        self.task.cancel()


def test_the_recipients_are_deferred_and_the_worker_goes_on() -> None:
    async def attempt() -> Worker:
        worker = Worker()
        await worker.transport.begun.wait()
        worker.give_up()
        await worker.task
        return worker

    worker = asyncio.run(attempt())
    assert [each.kind for each in worker.result.verdicts] == ["deferred", "deferred"]
    assert "others needed the connection" in str(worker.result.error)
    assert worker.result.attempt.phase == "greeting"
    assert worker.slot.give_up is None
    assert worker.cancelling == 0


@pytest.mark.parametrize(
    "steps",
    [(Worker.cancel,), (Worker.give_up, Worker.cancel), (Worker.cancel, Worker.give_up)],
    ids=["cancelled", "given up, then cancelled", "cancelled, then given up"],
)
def test_a_cancelled_worker_ends(steps: tuple[Callable[[Worker], None], ...]) -> None:
    async def attempt() -> Worker:
        worker = Worker()
        await worker.transport.begun.wait()
        for step in steps:
            step(worker)
        with pytest.raises(asyncio.CancelledError):
            await worker.task
        return worker

    worker = asyncio.run(attempt())
    assert worker.task.cancelled()
    assert worker.result is None
