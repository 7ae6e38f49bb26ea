"""Several nodes on one database: each lease belongs to one, and what a dead one had goes on."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gatepost.directory.contract import Record
from gatepost.errors import LeaseLost, QueueError
from gatepost.model.delivery import Lease, Takeover
from gatepost.model.route import NextHop
from gatepost.queue.cluster_contract import ClusterEvents, SharedPause
from gatepost.store.postgres import PostgresStore
from gatepost.store.postgres.node import Fenced, Superseded
from gatepost.store.postgres.statements import SQL
from gatepost.store.stored_values import microseconds
from tests.contract.messages import NOON
from tests.contract.queued import HOUR, MINUTE, dsn, ids, mail, planned, settlement
from tests.postgres_stores import PostgresStores, stop_upkeep

DEAD = 15.0


class Clock:
    """The clock by which a node judges beats."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Nodes:
    """Opens nodes whose beats the test calls."""

    def __init__(self, stores: PostgresStores, directory: Path) -> None:
        self._stores, self._directory = stores, directory
        self._opened: list[PostgresStore] = []
        self.clocks: dict[str, Clock] = {}
        self.failures: list[QueueError] = []

    def open(
        self,
        name: str,
        place: str = "",
        report: Callable[[str, Mapping[str, Any]], None] = lambda *_: None,
        **other: Any,
    ) -> PostgresStore:
        clock = self.clocks[place or name] = Clock()
        settings = {"dead_after": DEAD, "clock": clock, "now": lambda: microseconds(NOON), **other}
        store: PostgresStore = self._stores.open(
            self._directory / (place or name), self.failures.append, report,
            node=name, beat=0.0, **settings,
        )  # fmt: skip
        stop_upkeep(store)  # it would write, and find out, whenever it likes
        self._opened.append(store)
        return store

    def pass_time(self, seconds: float, *living: PostgresStore) -> None:
        """Let time pass for all; those that live beat each second."""
        for _ in range(round(seconds)):
            for clock in self.clocks.values():
                clock.seconds += 1
            for each in living:
                each.beat()

    def pass_while_starting(self, monkeypatch: pytest.MonkeyPatch, *living: PostgresStore) -> None:
        """Let a second pass whenever a start waits for another one to show that it lives."""
        target = "gatepost.store.postgres.predecessor.sleep"
        monkeypatch.setattr(target, lambda _: self.pass_time(1, *living))

    def kill(self, store: PostgresStore) -> None:
        """Release what the kernel does when a process is killed; its row stays."""
        store._opened.lock.release()
        self._opened.remove(store)

    def close(self) -> None:
        for each in self._opened:
            with suppress(Exception):
                each.close()


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nodes wait for each other for as long as a busy machine needs."""
    monkeypatch.setattr("gatepost.store.postgres.questions.PATIENCE", 50.0)


@pytest.fixture
def nodes(postgres: PostgresStores, tmp_path: Path) -> Iterator[Nodes]:
    made = Nodes(postgres, tmp_path)
    yield made
    made.close()


def run(steps: Any) -> None:
    asyncio.run(asyncio.wait_for(steps, 60))


async def begin(*stores: PostgresStore) -> None:
    """Let nodes take over, and return when nothing goes on by itself."""
    for each in stores:
        await each.deliveries.take_over(NOON)
        each.beat()
    while await stores[0]._read(is_any_lost):  # noqa: ASYNC110 - nobody tells when that is over
        await asyncio.sleep(0.01)
    for each in stores * 2:  # the last batch finds that there is no other one
        await each.cluster.end_pause("")


def is_any_lost(connection: Any) -> bool:
    return bool(connection.execute(SQL["has_lost"]).fetchone()[0])


def test_each_delivery_is_leased_to_one_node(nodes: Nodes) -> None:
    a, b = nodes.open("a"), nodes.open("b")
    names = [f"m{number}" for number in range(200)]

    async def lease(store: PostgresStore) -> list[str]:
        leased: list[str] = []
        while some := await store.deliveries.lease(NOON, 7):
            leased += [each.message.id for each in some]
            results = [
                store.deliveries.settle(each, settlement("delivered"), NOON) for each in some
            ]
            assert await asyncio.gather(*results) == [None] * len(some)
        return leased

    async def steps() -> None:
        await begin(a, b)
        hops = [NextHop(f"hub{number}") for number in range(5)]
        for number, name in enumerate(names):
            one = (a, b)[number % 2]
            await one.deliveries.put(mail(name), [planned(hop=hops[number % 5])], leased=False)
        by_a, by_b = await asyncio.gather(lease(a), lease(b))
        while len(by_a) + len(by_b) < len(names):  # rows that the other one had locked
            by_a += await lease(a)
        assert sorted(by_a + by_b) == sorted(names)
        assert await a.deliveries.list() == []

    run(steps())


def test_a_lease_of_another_node_is_leased_and_has_its_name(nodes: Nodes) -> None:
    a, b = nodes.open("a"), nodes.open("b")

    async def steps() -> None:
        await begin(a, b)
        await a.deliveries.put(mail("m1"), [planned()])
        for store in (a, b):
            [delivery] = await store.deliveries.find("m1")
            assert (delivery.state, delivery.node) == ("leased", "a")
        assert await b.deliveries.lease(NOON + HOUR, 9) == []

    run(steps())


def test_a_dead_node_is_fenced_and_its_mail_goes_on(nodes: Nodes) -> None:
    a, b = nodes.open("a"), nodes.open("b")
    told: list[tuple[str, int]] = []

    async def steps() -> None:
        await begin(a, b)
        b.cluster.follow(events(took_over=lambda name, leases: told.append((name, leases))))
        leases = [*await a.deliveries.put(mail("m1"), [planned(), planned(hop=NextHop("x"))])]
        assert all(a.cluster.may_attempt(each) for each in leases)
        nodes.pass_time(DEAD - 1, b)
        assert await b.deliveries.lease(NOON, 9) == []
        assert not any(a.cluster.may_attempt(each) for each in leases), "it must stop before that"
        nodes.pass_time(2, b)
        [one, two] = await b.deliveries.lease(NOON, 9)
        assert {one.delivery.id, two.delivery.id} == {"m1.0", "m1.1"}
        assert one.delivery.takeover == Takeover("a", NOON, "b")
        with pytest.raises(QueueError):
            await a.deliveries.settle(leases[0], settlement("delivered"), NOON)
        await b.deliveries.settle(one, settlement("delivered"), NOON)
        [done] = await b.deliveries.find(one.delivery.id)
        assert done.takeover == Takeover("a", NOON, "b")
        await asyncio.sleep(0)
        assert told == [("a", 2)]

    run(steps())


def test_a_fenced_node_begins_anew_and_settles_nothing_old(nodes: Nodes) -> None:
    a, b = nodes.open("a"), nodes.open("b")
    epochs: list[int] = []

    async def steps() -> None:
        await begin(a, b)
        a.cluster.follow(events(renewed=epochs.append))
        [old] = await a.deliveries.put(mail("m1"), [planned()])
        nodes.pass_time(DEAD + 1, b)
        [taken] = await b.deliveries.lease(NOON, 9)
        with pytest.raises(Fenced):
            await a.deliveries.put(mail("m2"), [planned()])
        assert a.refusal
        a.beat()
        await asyncio.sleep(0)
        assert a.refusal == ""
        [new] = await a.deliveries.put(mail("m3"), [planned()])
        assert epochs == [new.epoch]
        assert new.epoch > old.epoch
        assert a.cluster.may_attempt(new)
        assert not a.cluster.may_attempt(old)
        refused = settlement("failed", emits=(dsn("d1"),))
        with pytest.raises(LeaseLost):
            await a.deliveries.settle(old, refused, NOON)
        await b.deliveries.settle(taken, settlement("delivered"), NOON)
        assert [each.message for each in await b.deliveries.list()] == ["m3"]
        body = await b.deliveries.body("m3")
        assert body.size

    run(steps())
    assert nodes.failures == []


def test_a_judge_that_was_asleep_fences_nobody(nodes: Nodes) -> None:
    a, b = nodes.open("a"), nodes.open("b")

    async def steps() -> None:
        await begin(a, b)
        [lease] = await a.deliveries.put(mail("m1"), [planned()])
        nodes.clocks["b"].seconds += 3600
        b.beat()
        nodes.pass_time(DEAD - 1, b)
        a.beat()
        nodes.pass_time(DEAD - 1, b)
        await a.deliveries.settle(lease, settlement("delivered"), NOON)

    run(steps())


def test_only_a_node_with_the_same_name_ends_its_predecessor(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, other = nodes.open("a", "old"), nodes.open("b")
    nodes.pass_while_starting(monkeypatch)

    async def steps() -> None:
        await begin(old, other)
        [lease] = await old.deliveries.put(mail("m1"), [planned()])
        [kept] = await other.deliveries.put(mail("m2"), [planned()])
        new = nodes.open("a", "new")
        await begin(new)
        [ours] = await new.deliveries.lease(NOON, 9)
        assert ours.delivery.id == lease.delivery.id
        assert ours.delivery.takeover is None
        with pytest.raises(Fenced):
            await old.deliveries.put(mail("m3"), [planned()])
        old.beat()  # its connection was ended
        old.beat()
        assert old.has_failed
        await other.deliveries.settle(kept, settlement("delivered"), NOON)

    run(steps())
    assert [type(each) for each in nodes.failures] == [Superseded]


def test_a_command_does_not_take_the_place_of_a_relay_that_lives(
    nodes: Nodes, postgres: PostgresStores
) -> None:
    relay = nodes.open("a")

    async def steps() -> None:
        await begin(relay)
        [lease] = await relay.deliveries.put(mail("m1"), [planned()])
        command = nodes.open("a", "elsewhere", is_visitor=True)
        assert command.cluster.name.startswith("a-")
        await asyncio.to_thread(command.close)
        await relay.deliveries.settle(lease, settlement("deferred"), NOON)
        with postgres.connect() as connection:  # it was killed long ago
            connection.execute("UPDATE node SET seen = seen - interval '1 hour'")
        assert nodes.open("a", "there", is_visitor=True).cluster.name == "a"

    run(steps())


def test_a_node_that_leaves_hands_its_leases_back(nodes: Nodes) -> None:
    a, b = nodes.open("a"), nodes.open("b")

    async def steps() -> None:
        await begin(a, b)
        await a.deliveries.put(mail("m1"), [planned()])
        await asyncio.to_thread(a.close)
        [lease] = await b.deliveries.lease(NOON, 9)
        assert (lease.delivery.id, lease.delivery.takeover) == ("m1.0", None)

    run(steps())


def test_a_node_that_was_stopped_in_a_transaction_is_fenced_nevertheless(
    nodes: Nodes, postgres: PostgresStores
) -> None:
    """Its open transaction holds the row of its writer, as one that a stopped process left."""
    a, b = nodes.open("a"), nodes.open("b")

    async def steps() -> None:
        await begin(a, b)
        [lease] = await a.deliveries.put(mail("m1"), [planned()])
        with closing(a.connect()) as stopped:
            stopped.execute("BEGIN")
            stopped.execute(
                "UPDATE writer SET groups = groups + 1 WHERE epoch = %s", (lease.epoch,)
            )
            await asyncio.to_thread(nodes.pass_time, DEAD + 1, b)
            assert ids(await b.deliveries.lease(NOON, 9)) == ["m1.0"]

    run(steps())


def test_nodes_are_listed_and_drained(nodes: Nodes) -> None:
    a, b = nodes.open("a"), nodes.open("b")
    drained: list[str] = []

    async def steps() -> None:
        await begin(a, b)
        a.cluster.follow(events(drain=lambda: drained.append("a")))
        await a.deliveries.put(mail("m1"), [planned()])
        one, two = await b.cluster.nodes()
        assert (one.name, one.state, one.leases, one.is_own) == ("a", "live", 1, False)
        assert (two.name, two.state, two.leases, two.is_own) == ("b", "live", 0, True)
        assert one.epoch != two.epoch
        assert one.seen < 600
        assert await b.cluster.try_drain("a")
        assert not await b.cluster.try_drain("nobody")
        a.beat()
        a.beat()
        await asyncio.sleep(0)
        assert drained == ["a"]
        one, two = await b.cluster.nodes()
        assert (one.state, two.state) == ("draining", "live")

    run(steps())


def test_operators_act_on_leases_of_other_nodes(nodes: Nodes) -> None:
    a, b = nodes.open("a"), nodes.open("b")

    async def steps() -> None:
        await begin(a, b)
        leases: list[Lease] = []
        for name in ("held", "dropped", "released"):
            leases += await a.deliveries.put(mail(name), [planned()])
        held, dropped, released = leases
        assert await b.deliveries.act("hold", ["held", "released"], NOON) == 2
        assert await b.deliveries.act("release", ["released"], NOON) == 1
        assert await b.deliveries.act("drop", ["dropped"], NOON) == 1
        again = settlement("deferred", again=NOON + MINUTE)
        with pytest.raises(LeaseLost):
            await a.deliveries.settle(dropped, again, NOON)
        await a.deliveries.settle(held, again, NOON)
        await a.deliveries.settle(released, again, NOON)
        states = {each.message: each.state for each in await b.deliveries.list()}
        assert states == {"held": "held", "released": "waiting"}

    run(steps())


@pytest.mark.usefixtures("patience")
def test_nodes_answer_each_other(nodes: Nodes) -> None:
    a, b = nodes.open("a"), nodes.open("b")
    heard: list[tuple[str, Mapping[str, Any]]] = []

    async def answer(operation: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        heard.append((operation, fields))
        if operation == "fail":
            raise KeyError("x")
        return {"answer": 42}

    async def beating(store: PostgresStore) -> None:
        while True:
            await asyncio.to_thread(store.beat)
            await asyncio.sleep(0.02)

    async def steps() -> None:
        await begin(a, b)
        a.cluster.follow(events(asked=answer))
        beats = asyncio.ensure_future(beating(a))
        assert await b.cluster.ask("a", "why", {"id": "ü"}) == {"answer": 42}
        await b.cluster.tell("acted", {"ids": None})
        assert "error" in (await b.cluster.ask("a", "fail", {}) or {})
        assert await b.cluster.ask("nobody", "why", {}) is None
        assert heard == [("why", {"id": "ü"}), ("acted", {"ids": None}), ("fail", {})]
        beats.cancel()

    run(steps())


def test_reserved_times_belong_to_one_node(nodes: Nodes) -> None:
    a, b = nodes.open("a"), nodes.open("b")

    async def steps() -> None:
        await begin(a, b)
        asks = [each.cluster.reserve("hub", 3, 1000.0) for _ in range(3) for each in (a, b)]
        first = sorted(await asyncio.gather(*asks))
        assert 0 <= first[0] < 500
        gaps = [later - sooner for sooner, later in pairwise(first)]
        assert all(abs(each - 3000) < 500 for each in gaps), first
        assert await a.cluster.reserve("other", 1, 1.0) < 500

    run(steps())


def test_each_node_knows_its_place(nodes: Nodes) -> None:
    a = nodes.open("a")

    async def steps() -> None:
        await begin(a)
        assert a.cluster.place == (0, 1)
        b = nodes.open("b")
        await begin(b)
        a.beat()
        assert {a.cluster.place, b.cluster.place} == {(0, 2), (1, 2)}
        command = nodes.open("c", is_visitor=True)
        a.beat()
        assert a.cluster.place[1] == 2
        await asyncio.to_thread(command.close)
        nodes.pass_time(DEAD + 1, b)
        assert b.cluster.place == (0, 1)

    run(steps())


def test_what_does_not_work_is_known_to_all_nodes(nodes: Nodes) -> None:
    a, b = nodes.open("a"), nodes.open("b")
    heard: list[Sequence[SharedPause]] = []

    async def steps() -> None:
        await begin(a, b)
        b.cluster.follow(events(pauses=heard.append))
        login = SharedPause("login x", 9000.0, "535 no ü", needs_operator=True, advice="ask")
        await a.cluster.put_pause(login)
        await a.cluster.put_pause(SharedPause("next hop y", 900.0, "refused"))
        b.beat()
        b.beat()
        await asyncio.sleep(0)
        [all_pauses] = heard
        one, two = sorted(all_pauses, key=lambda each: each.key)
        assert replace(one, seconds=9000.0) == login
        assert 8000 < one.seconds <= 9000
        assert (two.key, two.needs_operator) == ("next hop y", False)
        await b.cluster.end_pause("login x")
        b.beat()
        await asyncio.sleep(0)
        assert [each.key for each in heard[-1]] == ["next hop y"]

    run(steps())


@pytest.mark.usefixtures("patience")
def test_a_change_of_the_directory_is_acknowledged_when_all_nodes_have_it(nodes: Nodes) -> None:
    a, b = nodes.open("a"), nodes.open("b")
    there: list[list[str]] = []

    async def read_again(operation: str, _fields: Mapping[str, Any]) -> Mapping[str, Any]:
        assert operation == "records"
        there.append([each.id for each in await b.load_records()])
        return {}

    async def beating(store: PostgresStore) -> None:
        while True:
            await asyncio.to_thread(store.beat)
            await asyncio.sleep(0.02)

    async def steps() -> None:
        noticed = asyncio.Event()
        await begin(a, b)
        b.cluster.follow(events(asked=read_again, records=noticed.set))
        beats = asyncio.ensure_future(beating(b))
        await a.save_records([Record("account", "printer", {})])
        assert there == [["printer"]]
        await noticed.wait()
        beats.cancel()

    run(steps())


def test_one_node_has_a_turn_until_it_ends_or_dies(nodes: Nodes) -> None:
    a, b = nodes.open("a"), nodes.open("b")

    async def steps() -> None:
        await begin(a, b)
        assert await a.cluster.try_take_turn("t", 3600.0, is_kept=True)
        assert not await b.cluster.try_take_turn("t", 3600.0)
        assert await b.cluster.try_take_turn("other", 3600.0)
        await a.cluster.end_turn("t")
        assert await b.cluster.try_take_turn("t", -1.0)
        assert await a.cluster.try_take_turn("t", 3600.0), "it is late"
        nodes.pass_time(DEAD + 1, b)
        assert await b.cluster.try_take_turn("t", 3600.0), "it is dead"

    run(steps())


def test_a_token_is_asked_for_by_one_node_even_if_that_was_paused(nodes: Nodes) -> None:
    """A provider ends all tokens of a client that sends a replaced one."""
    a, b = nodes.open("a"), nodes.open("b")

    async def steps() -> None:
        await begin(a, b)
        assert await a.cluster.load_token("k") is None
        assert await a.cluster.try_take_turn("t", 3600.0, is_kept=True)
        nodes.pass_time(DEAD + 1, b)
        assert not await b.cluster.try_take_turn("t", 3600.0, is_kept=True), "it may be asking"
        a.beat()
        a.beat()
        await a.cluster.save_token("k", b"\0first", "t")
        await a.cluster.end_turn("t")
        assert await b.cluster.load_token("k") == b"\0first"
        assert await b.cluster.try_take_turn("t", 3600.0, is_kept=True)
        await a.cluster.save_token("k", b"\0late", "t")
        await b.cluster.save_token("k", b"\0second", "t")
        await a.cluster.save_token("k", b"\0late", "t")
        assert await a.cluster.load_token("k") == b"\0second"

    run(steps())


def test_refused_logins_are_counted_over_all_nodes(nodes: Nodes) -> None:
    a, b = nodes.open("a"), nodes.open("b")

    async def steps() -> None:
        await begin(a, b)
        counts = [await each.cluster.count_failure("192.0.2.1", 3600.0) for each in (a, b, a)]
        assert counts == [1, 2, 3]
        assert await b.cluster.count_failure("192.0.2.2", 3600.0) == 1
        assert await b.cluster.count_failure("192.0.2.1", 0.0) == 1, "the others are forgotten"

    run(steps())


def test_segments_of_other_nodes_are_left_alone(nodes: Nodes) -> None:
    """One node keeps up what another one writes, between its groups."""
    a, b = nodes.open("a"), nodes.open("b")

    async def steps() -> None:
        await begin(a, b)
        for number in range(5):
            [lease] = await b.deliveries.put(mail(f"m{number}"), [planned()])
            await b.deliveries.settle(lease, settlement("delivered"), NOON)
            await asyncio.to_thread(a._upkeep.drop_segments)
        [lease] = await b.deliveries.put(mail("last"), [planned()])
        nodes.pass_time(DEAD + 1, a)
        [taken] = await a.deliveries.lease(NOON, 9)
        await asyncio.to_thread(a._upkeep.drop_segments)
        body = await a.deliveries.body(taken.message.id)
        assert len(b"".join(body.chunks())) == body.size
        b.beat()
        b.beat()
        await b.deliveries.put(mail("after"), [planned()])

    run(steps())


def test_a_late_hint_of_a_next_hop_is_repaired(nodes: Nodes, postgres: PostgresStores) -> None:
    a = nodes.open("a")

    async def steps() -> None:
        await begin(a)
        for name, hop in (("m1", "late"), ("m2", "missing")):
            await a.deliveries.put(mail(name), [planned(hop=NextHop(hop))], leased=False)
        with postgres.connect() as connection:
            connection.execute("UPDATE hop SET due = due + 3600000000 WHERE key = 'late'")
            connection.execute("DELETE FROM hop WHERE key = 'missing'")
        assert await a.deliveries.lease(NOON, 9) == []
        await asyncio.to_thread(a._upkeep.repair_hops)
        assert len(await a.deliveries.lease(NOON, 9)) == 2

    run(steps())


def events(
    renewed: Callable[[int], None] = lambda _: None,
    took_over: Callable[[str, int], None] = lambda *_: None,
    drain: Callable[[], None] = lambda: None,
    pauses: Callable[[Sequence[SharedPause]], None] = lambda _: None,
    records: Callable[[], None] = lambda: None,
    asked: Any = None,
) -> ClusterEvents:
    return ClusterEvents(renewed, took_over, drain, pauses, records, asked)
