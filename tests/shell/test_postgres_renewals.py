"""Nodes that were taken for dead, or were away while others changed something; and commands, which
are nodes for a moment."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from gatepost.directory.contract import Record
from gatepost.errors import Unconfirmed, Unreadable
from gatepost.model.delivery import Lease
from gatepost.store.postgres import Connector
from gatepost.store.postgres.fenced_writer import WriteAttempt
from gatepost.store.postgres.node import Fenced, Node
from gatepost.store.postgres.queue_writer import QueueWriter
from gatepost.store.postgres.settings import wall_time
from gatepost.store.postgres.statements import SQL
from tests.contract.messages import NOON
from tests.contract.queued import mail, planned, settlement
from tests.postgres_stores import PostgresStores
from tests.shell.test_postgres_nodes import DEAD, Nodes, begin, events, run


@pytest.fixture
def nodes(postgres: PostgresStores, tmp_path: Path) -> Iterator[Nodes]:
    made = Nodes(postgres, tmp_path)
    yield made
    made.close()


def test_mail_that_others_took_over_during_its_commit_is_not_delivered_here(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer of the COMMIT was lost, and the node was away for so long that it was fenced."""
    a, b = nodes.open("a"), nodes.open("b")
    check, is_cut = WriteAttempt.check, False

    def lose_answer(transaction: WriteAttempt) -> None:
        nonlocal is_cut
        check(transaction)
        if not is_cut:
            is_cut = True
            nodes.pass_time(DEAD + 1, b)
            a.beat()
            a.beat()
            raise psycopg.OperationalError("the connection was cut")

    async def steps() -> None:
        await begin(a, b)
        [first] = await a.deliveries.put(mail("m0"), [planned()])  # creates a segment
        await a.deliveries.settle(first, settlement("delivered"), NOON)
        monkeypatch.setattr(WriteAttempt, "check", lose_answer)
        assert await a.deliveries.put(mail("m1"), [planned()]) == ()
        [taken] = await b.deliveries.lease(NOON, 9)
        assert taken.delivery.id == "m1.0"
        assert taken.delivery.takeover is not None
        [lease] = await a.deliveries.put(mail("m2"), [planned()])
        assert a.cluster.may_attempt(lease)

    run(steps())


def test_leases_whose_commit_was_not_confirmed_are_not_forgotten(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database was away for so long that nobody waited for it any more. Its rows say that they
    are leased to us, so that no node would deliver them."""
    a = nodes.open("a")
    check, take, is_cut = WriteAttempt.check, QueueWriter.lease, False

    def lease(writer: QueueWriter, *arguments: Any, **others: Any) -> Sequence[Lease]:
        nonlocal is_cut
        leases = take(writer, *arguments, **others)
        is_cut = bool(leases)
        return leases

    def lose_answer(transaction: WriteAttempt) -> None:
        nonlocal is_cut
        check(transaction)
        if is_cut:
            is_cut = False
            raise psycopg.OperationalError("the connection was cut")

    async def steps() -> None:
        await begin(a)
        await a.deliveries.put(mail("m1"), [planned()], leased=False)
        monkeypatch.setattr(QueueWriter, "lease", lease)
        monkeypatch.setattr(WriteAttempt, "check", lose_answer)
        with monkeypatch.context() as impatient:
            impatient.setattr("gatepost.store.postgres.thread_connection.PATIENCE", -1.0)
            with pytest.raises(Unconfirmed):
                await a.deliveries.lease(NOON, 9)
        [ours] = await a.deliveries.lease(NOON, 9)
        await a.deliveries.settle(ours, settlement("delivered"), NOON)
        assert await a.deliveries.lease(NOON, 9) == []

    run(steps())


def test_a_renewal_that_nobody_followed_is_told_later(nodes: Nodes) -> None:
    """Else a relay that was fenced while it started would go on with an epoch that is gone."""
    a, b = nodes.open("a"), nodes.open("b")
    epochs: list[int] = []

    async def steps() -> None:
        await begin(a, b)
        nodes.pass_time(DEAD + 1, b)
        a.beat()
        a.beat()
        a.cluster.follow(events(renewed=epochs.append))
        await asyncio.sleep(0)
        [lease] = await a.deliveries.put(mail("m1"), [planned()])
        assert epochs == [lease.epoch]

    run(steps())


def test_a_fenced_node_writes_nothing_before_its_new_epoch_is_committed(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = nodes.open("a"), nodes.open("b")
    fence, used = Node.fence, list[str]()

    def note(node: Node, connection: Any, writer: int) -> int:
        used.append(node.name)
        return fence(node, connection, writer)

    async def steps() -> None:
        await begin(a, b)
        nodes.pass_time(DEAD + 1, b)
        a.beat()
        monkeypatch.setattr(Node, "fence", note)
        with pytest.raises(Fenced):
            await a.cluster.end_pause("x")
        assert "a" not in used, "the other node may write what it likes"

    run(steps())


def test_a_node_takes_its_place_again_if_the_database_is_an_older_copy(
    nodes: Nodes, postgres: PostgresStores
) -> None:
    """In the copy, an earlier start has its name."""
    a = nodes.open("a")

    async def steps() -> None:
        await begin(a)
        with postgres.connect() as connection:
            connection.execute("DELETE FROM node")
            connection.execute("INSERT INTO node (epoch, name, program) VALUES (1, 'a', '')")
        a.beat()
        a.beat()
        assert await a.deliveries.put(mail("m1"), [planned()])

    run(steps())
    assert nodes.failures == []


def test_a_change_of_a_node_that_has_left_is_noticed(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = nodes.open("a"), nodes.open("b")
    noticed: list[str] = []
    monkeypatch.setattr("gatepost.store.postgres.questions.PATIENCE", 0.0)

    async def steps() -> None:
        await begin(a, b)
        a.cluster.follow(events(records=lambda: noticed.append("records")))
        a.beat()
        await asyncio.sleep(0)
        noticed.clear()
        await b.save_records([Record("account", "printer", {})])
        await asyncio.to_thread(b.close)
        a.beat()
        await asyncio.sleep(0)
        assert noticed == ["records"]

    run(steps())


def test_a_change_of_the_directory_does_not_wait_for_the_dead_and_for_commands(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each one would take as long as a node may take to answer."""
    monkeypatch.setattr("gatepost.store.postgres.questions.PATIENCE", 50.0)
    a = nodes.open("a")
    nodes.open("b", dead_after=0.0)
    nodes.open("c", is_visitor=True)
    run(a.save_records([Record("account", "printer", {})]))


def test_a_start_that_lost_its_name_in_the_same_moment_goes_on_if_the_other_dies(
    nodes: Nodes, postgres: PostgresStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes.open("z")
    nodes.pass_while_starting(monkeypatch)
    blocked = (
        "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND query LIKE %s AND application_name LIKE %s"
    )

    def wait_until_blocked() -> None:
        with postgres.connect() as connection:
            mine = ("%INSERT INTO node%", f"%{postgres.schema} a starts")
            while not connection.execute(blocked, mine).fetchone():
                time.sleep(0.01)

    async def steps() -> None:
        with closing(postgres.connect()) as other:
            other.execute("BEGIN")
            other.execute("INSERT INTO node (epoch, name, program) VALUES (1, 'a', '')")
            opening = asyncio.ensure_future(asyncio.to_thread(nodes.open, "a"))
            await asyncio.to_thread(wait_until_blocked)
            other.execute("COMMIT")
            store = await opening
        await begin(store)
        assert {each.name for each in await store.cluster.nodes()} == {"a", "z"}

    run(steps())


def test_a_command_neither_fences_relays_nor_deletes_what_is_old(nodes: Nodes) -> None:
    """It does not know for how long a relay may be silent, and how long mail is kept."""
    command = nodes.open("c", is_visitor=True)
    relay = nodes.open("a")

    async def steps() -> None:
        await begin(relay)
        [lease] = await relay.deliveries.put(mail("m1"), [planned()])
        nodes.pass_time(DEAD + 5, command)
        await relay.deliveries.settle(lease, settlement("delivered"), NOON)
        relay.beat()
        assert relay.cluster.is_keeper
        assert not command.cluster.is_keeper

    run(steps())


def test_a_dead_node_that_somebody_locks_does_not_keep_others_from_beating(
    nodes: Nodes, postgres: PostgresStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = nodes.open("a"), nodes.open("b")
    ended: list[str] = []
    target = "gatepost.store.postgres.beats.end_connections"
    monkeypatch.setattr(target, lambda _, application: ended.append(application))

    async def steps() -> None:
        await begin(a, b)
        with closing(postgres.connect()) as locking:
            locking.execute("BEGIN")
            locking.execute("SELECT FROM node WHERE name = 'a' FOR UPDATE")
            await asyncio.to_thread(nodes.pass_time, DEAD - 1, b)
            assert ended == []
            await asyncio.to_thread(nodes.pass_time, 1, b)
            assert len(ended) == 1, "it tries again after the next beat"

    run(steps())


def test_a_dead_node_that_somebody_locks_does_not_keep_others_from_being_fenced(
    nodes: Nodes, postgres: PostgresStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else their mail would wait for as long as somebody has the lock."""
    a, b, c = (nodes.open(each) for each in "abc")
    monkeypatch.setattr("gatepost.store.postgres.beats.end_connections", lambda *_: None)

    def names() -> list[str]:
        with postgres.connect() as connection:
            rows = connection.execute("SELECT name FROM node ORDER BY name").fetchall()
            return [name for (name,) in rows]

    async def steps() -> None:
        await begin(a, b, c)
        with closing(postgres.connect()) as locking:
            locking.execute("BEGIN")
            locking.execute("SELECT FROM node WHERE name = 'a' FOR UPDATE")
            await asyncio.to_thread(nodes.pass_time, DEAD + 2, b)
            assert names() == ["a", "b"]
            assert b.cluster.place == (1, 2), "what it has seen is noted all the same"
        await asyncio.to_thread(nodes.pass_time, DEAD, b)
        assert names() == ["b"]

    run(steps())


def test_reserved_times_that_are_over_are_forgotten(nodes: Nodes, postgres: PostgresStores) -> None:
    a = nodes.open("a")

    async def steps() -> None:
        await begin(a)
        await a.cluster.reserve("old", 1, 1.0)
        with postgres.connect() as connection:
            connection.execute("UPDATE rate SET next = next - 7200000000")
            await a.cluster.reserve("new", 1, 1.0)
            await asyncio.to_thread(a._upkeep.repair_hops)
            assert connection.execute("SELECT key FROM rate").fetchall() == [("new",)]

    run(steps())


def test_a_list_of_nodes_reads_the_queue_once(nodes: Nodes, postgres: PostgresStores) -> None:
    for name in "abc":
        nodes.open(name)
    with postgres.connect() as connection:
        rows = connection.execute(f"EXPLAIN ANALYZE {SQL['nodes']}").fetchall()
    scans = [line for (line,) in rows if "on delivery" in line]
    assert scans
    assert all("loops=1)" in line for line in scans), scans


def test_transactions_do_not_depend_on_the_isolation_that_is_the_default(
    postgres: PostgresStores, tmp_path: Path
) -> None:
    """In a stricter one, of two nodes that settle the last deliveries of a message neither would
    see what the other has done."""
    url = make_conninfo(postgres.url, options="-c default_transaction_isolation=serializable")
    settings = {"url": lambda: url, "node": "a"}
    with closing(postgres.open(tmp_path, **settings)) as store:

        def isolation(connection: Any) -> str:
            row = connection.execute("SHOW transaction_isolation").fetchone()
            return str(row[0])

        async def steps() -> None:
            assert await store._change(isolation) == "read committed"

        run(steps())


def test_a_clock_that_is_wrong_is_reported_once(nodes: Nodes) -> None:
    told: list[tuple[str, Any]] = []
    ahead = 86_400_000_000
    a = nodes.open("a", report=lambda *each: told.append(each), now=lambda: wall_time() + ahead)
    a.beat()
    a.beat()
    [(event, facts)] = told
    assert event == "clock_differs"
    assert 80_000 < facts["seconds"] < 90_000
    ahead = 0
    a.beat()
    assert len(told) == 1
    ahead = -86_400_000_000
    a.beat()
    assert len(told) == 2


def test_a_schema_may_have_the_longest_name(postgres: PostgresStores, tmp_path: Path) -> None:
    schema = "n" * 63
    try:
        with closing(postgres.open(tmp_path, schema=schema)) as store:
            run(store.cluster.end_pause("x"))  # tells the other nodes
    finally:
        with postgres.connect() as connection:
            connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


@pytest.mark.parametrize("password", ["zzk/zzq", "zzk@zzq", "77/zzq"])
def test_a_password_that_is_not_encoded_is_not_shown(password: str) -> None:
    connector = Connector(lambda: f"postgresql://x:{password}@db.invalid/mail", "x", "x")
    with pytest.raises(Unreadable) as failed:
        connector.connect()
    assert "%40" in str(failed.value)
    assert not any(each in str(failed.value) for each in ("zz", "77"))


def test_a_url_with_several_servers_is_not_refused() -> None:
    from gatepost.store.postgres.connections import is_misread

    parameters: dict[str, Any] = {"host": "a,b,/run/x@y,@z", "port": "5432,,1", "dbname": "mail"}
    assert not is_misread(parameters)
    assert not is_misread({})
