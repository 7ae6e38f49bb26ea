"""When a node counts as dead, and how what it had leased comes back, in queues of any size."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from gatepost.errors import LeaseLost
from gatepost.store.postgres import lost_leases
from gatepost.store.postgres.fenced_writer import WriteAttempt
from gatepost.store.postgres.lost_leases import give_back_some
from tests.contract.messages import NOON
from tests.contract.queued import ids, mail, planned, settlement
from tests.postgres_stores import PostgresStores
from tests.shell.test_postgres_nodes import DEAD, Nodes, begin, events, run


@pytest.fixture
def nodes(postgres: PostgresStores, tmp_path: Path) -> Iterator[Nodes]:
    made = Nodes(postgres, tmp_path)
    yield made
    made.close()


def test_a_node_is_dead_when_its_own_promise_is_over(nodes: Nodes) -> None:
    """Nodes may have different settings, as while one after the other gets a new configuration."""
    patient, hasty = nodes.open("a", dead_after=60.0), nodes.open("b", dead_after=3.0)

    async def steps() -> None:
        await begin(patient, hasty)
        [slow] = await patient.deliveries.put(mail("m1"), [planned()])
        [quick] = await hasty.deliveries.put(mail("m2"), [planned()])
        nodes.pass_time(30, hasty)
        assert patient.cluster.may_attempt(slow)
        assert await hasty.deliveries.lease(NOON, 9) == [], "it may still be sending"
        nodes.pass_time(31, hasty)
        assert not patient.cluster.may_attempt(slow)
        assert ids(await hasty.deliveries.lease(NOON, 9)) == ["m1.0"]
        patient.beat()
        patient.beat()
        nodes.pass_time(4, patient)
        assert not hasty.cluster.may_attempt(quick)
        assert set(ids(await patient.deliveries.lease(NOON, 9))) == {"m1.0", "m2.0"}

    run(steps())


def test_a_node_of_an_older_program_is_judged_as_we_are(
    nodes: Nodes, postgres: PostgresStores
) -> None:
    a, b = nodes.open("a"), nodes.open("b")

    async def steps() -> None:
        await begin(a, b)
        await a.deliveries.put(mail("m1"), [planned()])
        with postgres.connect() as connection:
            connection.execute("UPDATE node SET dead_after = NULL WHERE name = 'a'")
        nodes.pass_time(DEAD - 1, b)
        assert await b.deliveries.lease(NOON, 9) == []
        assert [each.state for each in await b.cluster.nodes()] == ["live", "live"]
        nodes.pass_time(2, b)
        assert ids(await b.deliveries.lease(NOON, 9)) == ["m1.0"]

    run(steps())


def test_leases_of_a_dead_node_come_back_in_batches(
    nodes: Nodes, postgres: PostgresStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another node goes on if the one that began dies, too."""
    monkeypatch.setattr(lost_leases, "PAGES", 1)
    a, b, c = (nodes.open(name, dead_after=3.0) for name in "abc")
    names = [f"m{number:03}" for number in range(200)]

    async def steps() -> None:
        is_over = asyncio.Event()

        def note(name: str, leases: int) -> None:
            if (name, leases) == ("a", len(names)):
                is_over.set()

        await begin(a, b, c)
        c.cluster.follow(events(took_over=note))
        await asyncio.gather(*[a.deliveries.put(mail(each), [planned()]) for each in names])
        with postgres.connect() as connection:
            pages = connection.execute("SELECT pg_relation_size('delivery') / 8192").fetchone()
            assert pages[0] > 3, "else there is one batch"
        monkeypatch.setattr(lost_leases, "give_back_some", lambda _: None)
        nodes.pass_time(4, b, c)
        with closing(b.connect()) as connection, connection.transaction():
            begun = give_back_some(connection)
        assert begun is not None
        assert not begun.is_done
        monkeypatch.undo()
        monkeypatch.setattr(lost_leases, "PAGES", 1)
        nodes.pass_time(4, c)
        leased: list[str] = []
        while len(leased) < len(names):
            leased += [each.message.id for each in await c.deliveries.lease(NOON, 50)]
        assert sorted(leased) == names
        await is_over.wait()

    run(steps())


def test_a_restarted_node_has_its_leases_back_in_batches(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_leases, "PAGES", 1)
    names = [f"m{number:03}" for number in range(200)]
    nodes.pass_while_starting(monkeypatch)
    old = nodes.open("a", "old")

    async def steps() -> None:
        await begin(old)
        await asyncio.gather(*[old.deliveries.put(mail(each), [planned()]) for each in names])
        new = nodes.open("a", "new")
        await new.deliveries.take_over(NOON)
        assert len(await new.deliveries.lease(NOON, 999)) == len(names)

    run(steps())


def test_leases_of_a_node_that_somebody_has_deleted_come_back_at_the_next_start(
    nodes: Nodes, postgres: PostgresStores
) -> None:
    a = nodes.open("a")

    async def steps() -> None:
        await begin(a)
        await a.deliveries.put(mail("m1"), [planned()])
        with postgres.connect() as connection:
            connection.execute("DELETE FROM node")
        b = nodes.open("b")
        await begin(b)
        leased: list[str] = []
        while not leased:
            b.beat()
            leased = ids(await b.deliveries.lease(NOON, 9))
        assert leased == ["m1.0"]

    run(steps())


def test_what_an_operator_holds_of_a_dead_node_stays_held(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is held before its lease has come back."""
    a, b = nodes.open("a"), nodes.open("b")

    async def steps() -> None:
        await begin(a, b)
        monkeypatch.setattr(lost_leases, "give_back_some", lambda _: None)
        await a.deliveries.put(mail("m1"), [planned()])
        nodes.pass_time(DEAD + 1, b)
        assert await b.deliveries.act("hold", ["m1"], NOON) == 1
        monkeypatch.undo()
        b.beat()
        assert await b.deliveries.lease(NOON, 9) == []
        assert await b.deliveries.act("release", ["m1"], NOON) == 1
        assert ids(await b.deliveries.lease(NOON, 9)) == ["m1.0"]

    run(steps())


def test_what_was_given_back_meanwhile_does_not_count_as_settled(
    nodes: Nodes, postgres: PostgresStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A settlement was not committed, but its node does not know. Then the node is taken for dead,
    and begins anew; its mail is due, and nobody has leased it yet."""
    a, b = nodes.open("a"), nodes.open("b")
    begin_attempt, is_cut = WriteAttempt.begin, False

    def lose_connection(transaction: WriteAttempt) -> None:
        nonlocal is_cut
        if not is_cut:
            is_cut = transaction.is_committing = True
            nodes.pass_time(DEAD + 1, b)
            a.beat()
            a.beat()
            with postgres.connect() as connection:
                while not connection.execute(
                    "SELECT 1 FROM delivery WHERE node IS NULL"
                ).fetchone():
                    pass
            raise psycopg.OperationalError("the connection was cut")
        begin_attempt(transaction)

    async def steps() -> None:
        await begin(a, b)
        [lease] = await a.deliveries.put(mail("m1"), [planned()])
        monkeypatch.setattr(WriteAttempt, "begin", lose_connection)
        with pytest.raises(LeaseLost):
            await a.deliveries.settle(lease, settlement("delivered"), NOON)
        [taken] = await b.deliveries.lease(NOON, 9)
        assert taken.delivery.id == "m1.0"

    run(steps())


def test_the_connections_of_a_command_have_the_name_that_it_gets(
    nodes: Nodes, postgres: PostgresStores
) -> None:
    """Else the next start of the relay would end them."""
    relay = nodes.open("a")
    command = nodes.open("a", "elsewhere", is_visitor=True)
    with closing(command.connect()) as connection:
        row = connection.execute("SELECT current_setting('application_name')").fetchone()
    assert row == (command._opened.node.application,)
    assert row != (relay._opened.node.application,)
    with postgres.connect() as connection:
        count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
        assert connection.execute(count, row).fetchone()[0] >= 1


@pytest.mark.parametrize("asked", ["a", "b"])
def test_a_node_that_is_fenced_while_it_stops_goes_on_stopping(nodes: Nodes, asked: str) -> None:
    by = {name: nodes.open(name) for name in "ab"}
    a, b = by["a"], by["b"]
    drained: list[str] = []

    async def steps() -> None:
        await begin(a, b)
        a.cluster.follow(events(drain=lambda: drained.append("a")))
        assert await by[asked].cluster.try_drain("a")
        a.beat()
        nodes.pass_time(DEAD + 1, b)
        a.beat()
        a.beat()
        await asyncio.sleep(0)
        assert drained == ["a"]
        [one, _] = await b.cluster.nodes()
        assert (one.name, one.state) == ("a", "draining")
        assert b.cluster.place == (0, 1)

    run(steps())
