"""A database that was replaced by an older copy, or whose standby had not got everything."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gatepost.errors import QueueError
from gatepost.model.body import BytesBody
from gatepost.model.units import MIB
from gatepost.store.postgres import PostgresStore
from gatepost.store.postgres.node import Node
from tests.contract.messages import NOON
from tests.contract.queued import MINUTE, dsn, ids, mail, planned, settlement
from tests.postgres_stores import PostgresStores
from tests.shell.test_postgres_nodes import DEAD, Nodes, begin, run

TABLES = ("node", "writer", "counter", "message", "delivery", "hop", "segment", "lost_node")


class Copy:
    """A copy of the database, taken now."""

    def __init__(self, postgres: PostgresStores) -> None:
        self._postgres = postgres
        with postgres.connect() as connection:
            for each in TABLES:
                connection.execute(f"CREATE TABLE {each}_copy AS TABLE {each}")

    def restore(self) -> None:
        """Put it in place of the database; segments that it does not know are gone."""
        with self._postgres.connect() as connection:
            newer = connection.execute("SELECT n FROM segment EXCEPT SELECT n FROM segment_copy")
            for (number,) in newer.fetchall():
                connection.execute(f"DROP TABLE body_{number:06d}")
            for each in reversed(TABLES):
                connection.execute(f"DELETE FROM {each}")
            for each in TABLES:
                connection.execute(f"INSERT INTO {each} TABLE {each}_copy")
                connection.execute(f"DROP TABLE {each}_copy")


@pytest.fixture
def nodes(postgres: PostgresStores, tmp_path: Path) -> Iterator[Nodes]:
    made = Nodes(postgres, tmp_path)
    yield made
    made.close()
    with postgres.connect() as connection:
        for each in TABLES:
            connection.execute(f"DROP TABLE IF EXISTS {each}_copy")


def reporting(nodes: Nodes, told: list[str]) -> PostgresStore:
    def report(event: str, _facts: Mapping[str, Any]) -> None:
        if event != "clock_differs":  # that of the tests stands still
            told.append(event)

    return nodes.open("a", report=report)


def test_leases_that_an_older_copy_still_has_are_given_back(
    nodes: Nodes, postgres: PostgresStores
) -> None:
    """Its owner has settled them, and forgotten them; its row says that it lives."""
    told: list[str] = []
    a = reporting(nodes, told)

    async def steps() -> None:
        await begin(a)
        [done] = await a.deliveries.put(mail("m1"), [planned()])
        await a.deliveries.put(mail("m2"), [planned()])
        copy = Copy(postgres)
        await a.deliveries.settle(done, settlement("delivered"), NOON)
        copy.restore()
        a.beat()
        a.beat()
        assert told == ["store_older"]
        leases = await a.deliveries.lease(NOON, 9)
        assert set(ids(leases)) == {"m1.0", "m2.0"}
        for each in leases:
            await a.deliveries.settle(each, settlement("delivered"), NOON)
        a.beat()
        assert told == ["store_older"]

    run(steps())


def test_a_copy_from_before_the_start_of_a_node_is_older(
    nodes: Nodes, postgres: PostgresStores
) -> None:
    told: list[str] = []
    copy = None
    nodes.open("x")

    async def steps() -> None:
        nonlocal copy
        copy = Copy(postgres)
        a = reporting(nodes, told)
        await begin(a)
        [lease] = await a.deliveries.put(mail("m1"), [planned()])
        copy.restore()
        a.beat()
        a.beat()
        assert told == ["store_older"]
        [newer] = await accept(a, "m2")
        assert newer.epoch > lease.epoch, "epochs must not come again"

    run(steps())


def test_an_epoch_that_was_not_committed_is_not_missed(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that was fenced begins anew; its connection breaks, and it tries again."""
    told: list[str] = []
    a, b = reporting(nodes, told), nodes.open("b")
    renew, is_cut = Node.renew, False

    def lose_connection(node: Node, *arguments: Any) -> int:
        nonlocal is_cut
        epoch = renew(node, *arguments)
        if not is_cut:
            is_cut = True
            raise psycopg.OperationalError("the connection was cut")
        return epoch

    async def steps() -> None:
        await begin(a, b)
        nodes.pass_time(DEAD + 1, b)
        monkeypatch.setattr(Node, "renew", lose_connection)
        for _ in range(3):
            a.beat()
        assert is_cut
        assert await a.deliveries.put(mail("m1"), [planned()])
        assert told == []

    run(steps())


def test_mail_is_accepted_again_if_the_table_of_contents_is_gone(
    nodes: Nodes, postgres: PostgresStores
) -> None:
    a = nodes.open("a")

    async def steps() -> None:
        await begin(a)
        [lease] = await a.deliveries.put(mail("m1"), [planned()])
        drop_contents(postgres)
        [other] = await accept(a, "m2")
        drop_contents(postgres)
        [_] = await accept(a, "large", bytes(9 * MIB))
        drop_contents(postgres)
        failed = settlement("failed", emits=(dsn("d1"),))
        with pytest.raises(QueueError):
            await a.deliveries.settle(lease, failed, NOON)
        await a.deliveries.settle(lease, failed, NOON)
        body = await a.deliveries.body("d1")
        assert body.size
        await a.deliveries.settle(other, settlement("deferred", again=NOON + MINUTE), NOON)

    run(steps())


async def accept(store: PostgresStore, name: str, content: bytes = b"x") -> Any:
    """Try it until it is accepted, as clients do."""
    submission = replace(mail(name), body=BytesBody(content))
    while True:
        try:
            return await store.deliveries.put(submission, [planned()])
        except QueueError:
            await asyncio.sleep(0.01)


def drop_contents(postgres: PostgresStores) -> None:
    with postgres.connect() as connection:
        rows = connection.execute("SELECT n FROM segment").fetchall()
        for (number,) in rows:
            connection.execute(f"DROP TABLE IF EXISTS body_{number:06d}")
        connection.execute("DELETE FROM segment")
