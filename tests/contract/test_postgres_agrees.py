"""The queue on PostgreSQL gives the same results as in memory for the same steps, in any order, and
after any reopening; so do captured messages."""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatepost.store.stored_values import microseconds
from gatepost.testing.memory import MemoryDeliveries, MemoryStore
from tests.contract import test_queues_agree as queues
from tests.contract import test_stores_agree as stores
from tests.contract.messages import NOON
from tests.examples import examples
from tests.postgres_stores import PostgresStores

PATIENT = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow)


def unnumbered(result: object) -> object:
    """Return a result without epochs, which are other numbers in a database."""
    if isinstance(result, tuple):
        return tuple([replace(each, epoch=0) for each in result])
    return result


class Player(queues.Player):
    """Plays steps on either queue; leases are compared without their epochs."""

    async def lease(self, queue: Any, limit: int, skip: set[str]) -> object:
        return await self._leases(queue.lease, limit, skip)

    async def overdue(self, queue: Any, limit: int) -> object:
        return await self._leases(queue.lease_overdue, limit)

    async def _leases(self, ask: Any, limit: int, *more: Any) -> object:
        leases = await ask(self.now, limit, *more)
        if len(leases) == limit:
            leases = [*leases, *await ask(self.now, 99, *more)]
        found = sorted(leases, key=lambda each: each.delivery.id)
        self.leases += found
        return [repr(replace(each, epoch=0)) for each in found]


async def compare_queues(postgres: PostgresStores, steps: Sequence[Sequence[Any]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        one, other = Player(), Player()
        given = {"history": queues.GIVEN.history, "now": lambda: microseconds(one.now)}
        model, store = MemoryDeliveries(), postgres.open(directory, **given)
        try:
            await store.deliveries.take_over(NOON)
            await model.take_over(NOON)
            for step in steps:
                if step[0] == "reopen":
                    store.close()
                    store = postgres.open(directory, **given)
                theirs, ours = await other.play(store.deliveries, step), await one.play(model, step)
                assert unnumbered(theirs) == unnumbered(ours)
                assert await queues.state(store.deliveries) == await queues.state(model)
        finally:
            store.close()


@settings(max_examples=examples(12), deadline=None, suppress_health_check=PATIENT)
@given(queues.STEPS)
def test_the_queue_behaves_like_memory(
    postgres: PostgresStores, steps: Sequence[Sequence[Any]]
) -> None:
    postgres.empty()
    asyncio.run(compare_queues(postgres, steps))


async def compare_stores(postgres: PostgresStores, steps: list[tuple[str, object]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory, retention = Path(name), stores.GIVEN.retention
        model, store = MemoryStore(), postgres.open(directory, retention=retention)
        epochs = [0]
        try:
            for step, some in steps:
                if step == "put":
                    assert isinstance(some, list)
                    assert await stores.put(store, some) == await stores.put(model, some)
                elif step == "delete":
                    assert some is None or isinstance(some, list)
                    assert await store.delete(some) == await model.delete(some)
                elif step == "epoch":
                    epochs.append(await store.new_epoch())
                    assert epochs[-2] < epochs[-1]
                else:
                    store.close()
                    store = postgres.open(directory, retention=retention, segment=20_000)
                assert await stores.state(store) == await stores.state(model)
        finally:
            store.close()


@settings(max_examples=examples(12), deadline=None, suppress_health_check=PATIENT)
@given(st.lists(stores.PUT | stores.DELETE | stores.REOPEN | stores.EPOCH, max_size=12))
def test_captured_mail_behaves_like_memory(
    postgres: PostgresStores, steps: list[tuple[str, object]]
) -> None:
    postgres.empty()
    asyncio.run(compare_stores(postgres, steps))
