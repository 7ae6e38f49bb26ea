"""All stores give the same results for the same steps, in any order, and after any reopening."""

import asyncio
import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.errors import QueueError
from gatepost.queue.store_contract import Selection
from gatepost.store.sqlite import Retention, SqliteStore, StoreSettings, open_store
from gatepost.testing.memory import MemoryStore
from tests.contract.messages import message
from tests.examples import examples

NAMES = st.sampled_from([f"m{number}" for number in range(8)])
PUT = st.tuples(st.just("put"), st.lists(st.tuples(NAMES, st.sampled_from([0, 100, 9_000]))))
DELETE = st.tuples(st.just("delete"), st.none() | st.lists(NAMES))
REOPEN = st.tuples(st.just("reopen"), st.none())
EPOCH = st.tuples(st.just("epoch"), st.none())
GIVEN = StoreSettings(
    retention=Retention(age=timedelta(days=36_500)), segment=20_000, upkeep=0.002, reserve=0
)

AnyStore = MemoryStore | SqliteStore


async def put(store: AnyStore, messages: list[tuple[str, int]]) -> list[bool]:
    """Put one after the other: among those on their way at once, the order is free."""
    accepted = []
    for name, size in messages:
        try:
            await store.put(message(name, name.encode() * (size // 2)))
        except QueueError:
            accepted.append(False)
        else:
            accepted.append(True)
    return accepted


async def state(store: AnyStore) -> tuple[object, ...]:
    listing = await store.list(Selection())
    bodies = [b"".join((await store.body(each.id)).chunks()) for each in listing]
    return list(listing), bodies, await store.count()


async def compare(directory: Path, steps: list[tuple[str, object]]) -> None:
    model, store = MemoryStore(), open_store(directory, GIVEN)
    try:
        for step, given_ in steps:
            if step == "put":
                assert isinstance(given_, list)
                assert await put(store, given_) == await put(model, given_)
            elif step == "delete":
                assert given_ is None or isinstance(given_, list)
                assert await store.delete(given_) == await model.delete(given_)
            elif step == "epoch":
                assert await store.new_epoch() == await model.new_epoch()
            else:
                store.close()
                store = open_store(directory, GIVEN)
            assert await state(store) == await state(model)
    finally:
        store.close()


@settings(max_examples=examples(30), deadline=None)
@given(st.lists(PUT | DELETE | REOPEN | EPOCH, max_size=12))
def test_sqlite_behaves_like_memory(steps: list[tuple[str, object]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(compare(Path(directory), steps))
