"""Complete messages go to the store together, and without waiting in vain."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from gatepost.model.body import BytesBody
from gatepost.model.envelope import Envelope
from gatepost.model.message import Submission
from gatepost.queue.store_contract import Store
from gatepost.relay import batching as intake_module
from gatepost.relay.batching import LINGER, PATIENCE, Batcher
from gatepost.relay.safe_error_text import error_of


class RecordingStore:
    """Takes at once, and notes in which turn of the loop."""

    def __init__(self, error: Exception | None = None) -> None:
        self.ids: list[str] = []
        self._error = error

    def put(self, submission: Submission) -> Awaitable[None]:
        self.ids.append(submission.id)
        if self._error is not None:
            raise self._error
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


def message(id_: str) -> Submission:
    moment = datetime(2026, 11, 24, 10, 0, 0, tzinfo=UTC)
    return Submission(id_, Envelope(None), BytesBody(b""), b"", moment)


def make_intake(store: RecordingStore) -> Batcher:
    return Batcher(cast("Store", store))


def ignore(_outcome: "asyncio.Future[None]") -> None:
    pass


async def turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], None]]:
    """Time that passes only when the test says so."""
    now = [100.0]

    class Clock:
        @staticmethod
        def monotonic() -> float:
            return now[0]

    def advance(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(intake_module, "time", Clock)
    return advance  # type: ignore[return-value]


def run(scene: Callable[[], Any]) -> None:
    asyncio.run(scene())


def test_a_client_that_is_alone_waits_for_one_silent_turn(stopped_clock: Any) -> None:
    async def scene() -> None:
        store = RecordingStore()
        batching = make_intake(store)
        for number in range(3):
            batching.inputs += 1
            batching.put(message(str(number)), ignore)
            await turns(2)
            assert store.ids[-1] == str(number)

    run(scene)


def test_a_message_waits_while_clients_are_sending(stopped_clock: Any) -> None:
    async def scene() -> None:
        store = RecordingStore()
        batching = make_intake(store)
        for number in range(20):
            batching.inputs += 1
            batching.put(message(str(number)), ignore)
            await turns(1)
            assert not store.ids
        await turns(2)
        assert store.ids == [str(number) for number in range(20)]

    run(scene)


def test_no_message_waits_longer_than_promised(stopped_clock: Callable[[float], None]) -> None:
    async def scene() -> None:
        store = RecordingStore()
        batching = make_intake(store)
        batching.put(message("1"), ignore)
        for _ in range(50):
            batching.inputs += 1
            await turns(1)
        assert not store.ids
        stopped_clock(LINGER)
        batching.inputs += 1
        await turns(1)
        assert store.ids == ["1"]

    run(scene)


def test_as_many_messages_as_last_time_are_awaited_briefly(stopped_clock: Any) -> None:
    async def scene() -> None:
        store = RecordingStore()
        batching = make_intake(store)
        for number in range(5):
            batching.put(message(str(number)), ignore)
        await turns(2)
        assert len(store.ids) == 5
        batching.put(message("alone"), ignore)
        await turns(PATIENCE * 5)
        assert len(store.ids) == 5
        await turns(2)
        assert store.ids[-1] == "alone"
        batching.put(message("alone again"), ignore)
        await turns(2)
        assert store.ids[-1] == "alone again"

    run(scene)


def test_all_callers_get_the_outcome_even_if_the_store_raises() -> None:
    async def scene() -> None:
        told: list[BaseException | None] = []
        batching = make_intake(RecordingStore(OSError("gone")))
        for number in range(3):
            batching.put(message(str(number)), lambda outcome: told.append(error_of(outcome)))
        await turns(5)
        assert [type(error) for error in told] == [OSError] * 3

    run(scene)
