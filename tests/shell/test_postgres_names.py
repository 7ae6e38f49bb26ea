"""Two relays with one name: the second one starts if the first is gone, and leaves it alone
otherwise."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.store.postgres import PostgresStore
from gatepost.store.postgres import node as node_module
from gatepost.store.postgres.connections import Connection
from gatepost.store.postgres.predecessor import NameTaken
from tests.contract.messages import NOON
from tests.contract.queued import ids, mail, planned, settlement
from tests.postgres_stores import PostgresStores
from tests.shell.test_postgres_nodes import DEAD, Nodes, begin, run


@pytest.fixture
def nodes(postgres: PostgresStores, tmp_path: Path) -> Iterator[Nodes]:
    made = Nodes(postgres, tmp_path)
    yield made
    made.close()


def test_a_second_relay_with_a_name_leaves_the_first_one_alone(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("platform.node", lambda: "machine-1")
    first = nodes.open("a", "first")
    nodes.pass_while_starting(monkeypatch, first)

    async def steps() -> None:
        await begin(first)
        [lease] = await first.deliveries.put(mail("m1"), [planned()])
        with pytest.raises(NameTaken) as refused:
            await asyncio.to_thread(nodes.open, "a", "second")
        since = f"since {NOON:%Y-%m-%d %H:%M:%S} UTC"
        where = f"on 'machine-1', in '{tmp_path / 'first'}', {since}"
        assert f"the node a runs already {where}" in str(refused.value)
        await first.deliveries.settle(lease, settlement("delivered"), NOON)
        first.beat()

    run(steps())
    assert not first.has_failed
    assert nodes.failures == []


def test_a_relay_takes_the_name_of_one_that_has_been_silent(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = nodes.open("a", "first")
    nodes.pass_while_starting(monkeypatch)

    async def steps() -> None:
        await begin(first)
        await first.deliveries.put(mail("m1"), [planned()])
        second = nodes.open("a", "second")
        assert nodes.clocks["second"].seconds - nodes.clocks["first"].seconds == 0 - DEAD
        await begin(second)
        assert ids(await second.deliveries.lease(NOON, 9)) == ["m1.0"]

    nodes.clocks["first"].seconds += DEAD
    run(steps())


def test_a_relay_that_was_killed_starts_again_at_once(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else can have the directory that it has locked."""
    killed = nodes.open("a")
    monkeypatch.delattr("gatepost.store.postgres.predecessor.sleep")

    async def steps() -> None:
        await begin(killed)
        await killed.deliveries.put(mail("m1"), [planned()])
        nodes.kill(killed)
        again = nodes.open("a")
        await begin(again)
        assert ids(await again.deliveries.lease(NOON, 9)) == ["m1.0"]

    run(steps())


def test_a_relay_waits_no_longer_once_others_have_fenced_its_predecessor(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes.open("a", "first")
    other = nodes.open("b")
    nodes.pass_time(DEAD - 3, other)
    nodes.pass_while_starting(monkeypatch, other)
    nodes.open("a", "second")
    assert nodes.clocks["second"].seconds < nodes.clocks["b"].seconds - DEAD + 5


def test_a_relay_of_an_older_program_is_judged_by_its_beat(
    nodes: Nodes, postgres: PostgresStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = nodes.open("a", "first")
    nodes.pass_while_starting(monkeypatch, first)
    forget = "UPDATE node SET host = NULL, directory = NULL, place = NULL, started = NULL"
    with postgres.connect() as connection:
        connection.execute(forget)
    with pytest.raises(NameTaken, match="the node a runs already: give each relay a name"):
        nodes.open("a", "second")
    nodes.pass_while_starting(monkeypatch)
    nodes.open("a", "second")


def test_of_two_starts_that_found_the_same_one_gone_one_takes_its_place(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes.open("a", "gone")
    nodes.pass_while_starting(monkeypatch)
    end_connections = node_module.end_connections
    taken: list[PostgresStore] = []

    def lose_race(connection: Connection, application: str) -> None:
        monkeypatch.setattr(node_module, "end_connections", end_connections)
        taken.append(nodes.open("a", "quicker"))
        nodes.pass_while_starting(monkeypatch, *taken)
        end_connections(connection, application)

    monkeypatch.setattr(node_module, "end_connections", lose_race)
    with pytest.raises(NameTaken):
        nodes.open("a", "slower")
    [quicker] = taken
    quicker.beat()
    assert not quicker.has_failed


def test_a_command_that_has_the_name_does_not_keep_a_relay_from_starting(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("gatepost.store.postgres.predecessor.sleep")
    assert nodes.open("a", "command", is_visitor=True).cluster.name == "a"
    assert nodes.open("a", "relay").cluster.name == "a"
