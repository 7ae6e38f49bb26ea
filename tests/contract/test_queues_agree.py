"""All queues give the same results for the same steps, in any order, and after any reopening."""

import asyncio
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.errors import QueueError
from gatepost.model.delivery import Lease, VerdictKind
from gatepost.model.route import NextHop
from gatepost.queue.deliveries_contract import Deliveries, QueueSelection
from gatepost.store.retention_limits import History
from gatepost.store.sqlite import SqliteStore, StoreSettings, open_store
from gatepost.testing.memory import MemoryDeliveries
from tests.contract.messages import NOON, envelope
from tests.contract.queued import dsn, mail, planned, settlement
from tests.examples import examples

NAMES = st.sampled_from(["a", "b", "c", "d"])
HOPS = st.sampled_from(["hub", "world/x.example", "world/y.example"])
OUTCOMES = st.sampled_from(["delivered", "deferred", "failed"])
MINUTES = st.integers(0, 300)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), NAMES, st.lists(HOPS, min_size=1, max_size=3), st.booleans()),
        st.tuples(st.just("lease"), st.integers(0, 4), st.sets(HOPS, max_size=2)),
        st.tuples(st.just("overdue"), st.integers(0, 4)),
        st.tuples(st.just("settle"), st.integers(0, 9), OUTCOMES, MINUTES, st.booleans()),
        st.tuples(st.just("part"), st.integers(0, 9), st.lists(HOPS, min_size=2, max_size=2)),
        st.tuples(
            st.just("act"), st.sampled_from(["hold", "release", "retry", "drop"]),
            st.none() | st.lists(NAMES | st.sampled_from(["a.0", "b.1", "c.2", "x.0"])),
        ),
        st.tuples(st.just("time"), MINUTES),
        st.tuples(st.just("reopen")),
        st.tuples(st.just("forget")),
    ),
    max_size=25,
)  # fmt: skip
GIVEN = StoreSettings(reserve=0, history=History(timedelta(days=36_500)))


def hop_of(key: str) -> NextHop:
    return NextHop(*key.split("/"))


class Player:
    """Plays the same steps on a queue, and records the results."""

    def __init__(self) -> None:
        self.now = NOON
        self.leases: list[Lease] = []

    async def play(self, queue: Deliveries, step: Sequence[Any]) -> object:
        name, *rest = step
        result: object = await getattr(self, name)(queue, *rest)
        return result

    async def put(self, queue: Deliveries, id: str, hops: list[str], leased: bool) -> object:
        places = [
            planned(envelope("", f"u{number}@x", f"v{number}@x").recipients, hop_of(hop), self.now)
            for number, hop in enumerate(hops)
        ]
        try:
            leases = await queue.put(mail(id), places, leased=leased)
        except QueueError:
            return "there already"
        self.leases += leases
        return leases

    async def lease(self, queue: Deliveries, limit: int, skip: set[str]) -> object:
        leases = await queue.lease(self.now, limit, skip)
        # Of those that are due at the same time, any may be taken: so take them all.
        if len(leases) == limit:
            leases = [*leases, *await queue.lease(self.now, 99, skip)]
        self.leases += sorted(leases, key=lambda each: each.delivery.id)
        return sorted(map(repr, leases))

    async def overdue(self, queue: Deliveries, limit: int) -> object:
        leases = await queue.lease_overdue(self.now, limit)
        if len(leases) == limit:
            leases = [*leases, *await queue.lease_overdue(self.now, 99)]
        self.leases += sorted(leases, key=lambda each: each.delivery.id)
        return sorted(map(repr, leases))

    async def settle(
        self, queue: Deliveries, which: int, outcome: VerdictKind, minutes: int, emits: bool
    ) -> object:
        if not self.leases:
            return None
        lease = self.leases[which % len(self.leases)]
        due = self.now + timedelta(minutes=minutes)
        mails = (dsn(f"d{minutes}", due),) if emits else ()
        outcomes = [outcome] * len(lease.delivery.waiting)
        try:
            await queue.settle(lease, settlement(*outcomes, again=due, emits=mails), self.now)
        except QueueError as error:
            return type(error)
        return "settled"

    async def part(self, queue: Deliveries, which: int, hops: list[str]) -> object:
        if not self.leases:
            return None
        lease = self.leases[which % len(self.leases)]
        deferred: list[VerdictKind] = ["deferred" for _ in lease.delivery.waiting]
        moved = tuple([hop_of(each) for each, _ in zip(hops, deferred, strict=False)])
        try:
            parts = settlement(*deferred, again=self.now, attempt=None, moved=moved)
            await queue.settle(lease, parts, self.now)
        except QueueError as error:
            return type(error)
        return "parted"

    async def act(self, queue: Deliveries, action: Any, ids: list[str] | None) -> object:
        return await queue.act(action, ids, self.now)

    async def time(self, _queue: Deliveries, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    async def reopen(self, queue: Deliveries) -> None:
        await queue.take_over(self.now)

    async def forget(self, queue: Deliveries) -> object:
        return await queue.forget(self.now)


async def state(queue: Deliveries) -> object:
    everything = QueueSelection(states=("waiting", "leased", "held", "settled"))
    listed = list(await queue.list(everything))
    bodies = []
    for each in listed:
        try:
            bodies.append(b"".join((await queue.body(each.message)).chunks()))
        except KeyError:
            bodies.append(b"gone")
    return (
        listed, bodies, await queue.list(), await queue.count(), await queue.next_due(),
        await queue.next_due({"hub"}), [await queue.find(f"{each}.1") for each in "abcd"],
    )  # fmt: skip


async def compare(directory: Path, steps: Sequence[Sequence[Any]]) -> None:
    model, store = MemoryDeliveries(), open_store(directory, GIVEN)
    one, other = Player(), Player()
    try:
        await store.deliveries.take_over(NOON)
        await model.take_over(NOON)
        for step in steps:
            if step[0] == "reopen":
                store = reopened(store, directory)
            assert await other.play(store.deliveries, step) == await one.play(model, step)
            assert await state(store.deliveries) == await state(model)
    finally:
        store.close()


def reopened(store: SqliteStore, directory: Path) -> SqliteStore:
    store.close()
    return open_store(directory, GIVEN)


@settings(max_examples=examples(40), deadline=None)
@given(STEPS)
def test_sqlite_behaves_like_memory(steps: Sequence[Sequence[Any]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(compare(Path(directory), steps))
