"""Losses of a damaged store are replaced from what other rows know, or reported."""

import asyncio
import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gatepost.errors import QueueError
from gatepost.model.route import NextHop
from gatepost.queue.deliveries_contract import QueueSelection
from gatepost.queue.why import why
from gatepost.store.sqlite import SqliteStore, StoreSettings, open_store
from gatepost.store.sqlite.group_writes import PAGE
from gatepost.store.sqlite.recovery import LOSSES
from tests.contract.messages import NOON, message
from tests.contract.queued import planned, settlement

SETTINGS = StoreSettings(reserve=0, inline=1000)
NUMBER = 120
SIZES = (100, 1_500)
FAR = NextHop("far")


def body_of(number: int) -> bytes:
    return b"b%05d;" % number * (SIZES[number % len(SIZES)] // 7)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A store of messages that wait, each with two deliveries, behind one that was delivered."""

    async def steps() -> None:
        await store.deliveries.take_over(NOON)
        [lease] = await store.deliveries.put(message("1-0"), [planned()])
        await store.deliveries.settle(lease, settlement("delivered"), NOON)
        for n in range(1, NUMBER):
            sent = message(f"1-{n}", body_of(n), trace=b"m%05d;" % n * 40)
            await store.deliveries.put(sent, [planned(), planned(hop=FAR)], leased=False)

    store = open_store(tmp_path, SETTINGS)
    asyncio.run(steps())
    store.close()
    return tmp_path


def damage(directory: Path, *trees: str) -> None:
    """Overwrite a page in the midst of each of these trees."""
    file = directory / "store.db"
    connection = sqlite3.connect(file)
    octets = bytearray(file.read_bytes())
    for tree in trees:
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        [[root]] = connection.execute(query, (tree,)).fetchall()
        inner = octets[(root - 1) * PAGE : root * PAGE]
        cells = int.from_bytes(inner[3:5])
        place = int.from_bytes(inner[12 + cells // 2 * 2 :][:2])
        page = int.from_bytes(inner[place : place + 4])
        octets[(page - 1) * PAGE : page * PAGE] = bytes(PAGE)
    connection.close()
    file.write_bytes(octets)


def lose_way(directory: Path, tree: str) -> None:
    """Let nothing lead to the last but one of a tree's pages."""
    file = directory / "store.db"
    connection = sqlite3.connect(file)
    query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
    [[root]] = connection.execute(query, (tree,)).fetchall()
    connection.close()
    octets = bytearray(file.read_bytes())
    cells = (root - 1) * PAGE + 3
    octets[cells : cells + 2] = (int.from_bytes(octets[cells : cells + 2]) - 1).to_bytes(2)
    file.write_bytes(octets)


def opened(directory: Path) -> SqliteStore:
    store = open_store(directory, SETTINGS)
    store.close()
    return store


def named(directory: Path, lost: str) -> list[dict[str, Any]]:
    lines = (directory / LOSSES).read_text("utf-8").splitlines()
    return [each for each in map(json.loads, lines) if each["lost"] == lost]


def test_a_message_with_a_lost_row_is_held_with_what_remains(directory: Path) -> None:
    damage(directory, "queue_messages")
    said = opened(directory).recovered
    lost = [each["id"] for each in named(directory, "sender")]
    assert 5 < len(lost) < NUMBER // 2
    assert f"{len(lost)} ({lost[0]}, " in said
    assert f"everything that is missing is listed in {LOSSES}" in said

    async def steps() -> None:
        held = await store.deliveries.list(QueueSelection(states=("held",)))
        assert sorted({each.message for each in held}) == sorted(lost)
        assert len(held) == 2 * len(lost)
        assert all(each.waiting for each in held)
        assert "its sender is lost" in why(held[0], NOON).sentence
        for n in range(1, NUMBER):
            body = await store.deliveries.body(f"1-{n}")
            assert b"".join(body.chunks()) == body_of(n)
        await store.deliveries.take_over(NOON)
        assert await store.deliveries.act("release", None, NOON) == len(held)
        assert len(await store.deliveries.lease(NOON, 10 * NUMBER)) == 2 * (NUMBER - 1)

    store = open_store(directory, SETTINGS)
    asyncio.run(steps())
    store.close()


def test_unreachable_pages_are_recovered_although_the_rest_can_be_copied(
    directory: Path,
) -> None:
    lose_way(directory, "queue_messages")
    assert "held without their sender" not in opened(directory).recovered
    assert not (directory / LOSSES).exists()
    assert leased(directory) == 2 * (NUMBER - 1)


def test_a_delivery_without_its_message_delays_no_other(directory: Path) -> None:
    """The store fails, as for all damage that is met on the way; the next start has all of it."""
    lose_way(directory, "queue_messages")
    failures: list[QueueError] = []
    with pytest.raises(QueueError, match="an index has delivery"):
        leased(directory, replace(SETTINGS, looked_through=0), failures)
    assert len(failures) == 1
    assert leased(directory) == 2 * (NUMBER - 1)


def leased(
    directory: Path, settings: StoreSettings = SETTINGS, failures: list[QueueError] | None = None
) -> int:
    """How many deliveries the next owner of a store takes."""

    async def steps() -> int:
        await store.deliveries.take_over(NOON)
        return len(await store.deliveries.lease(NOON, 10 * NUMBER))

    told: list[QueueError] = [] if failures is None else failures
    store = open_store(directory, settings, told.append)
    try:
        return asyncio.run(steps())
    finally:
        store.close()


def test_each_lost_delivery_is_held_although_others_of_its_message_remain(
    directory: Path,
) -> None:
    damage(directory, "queue_deliveries")
    opened(directory)
    lost = {each["id"] for each in named(directory, "recipients")}
    assert lost

    async def steps() -> None:
        for n in range(1, NUMBER):
            found = await store.deliveries.find(f"1-{n}")
            assert [each.next_hop.key for each in found] == ["hub", "far"], n
            is_damaged = any(each.state == "held" and not each.waiting for each in found)
            assert is_damaged == (f"1-{n}" in lost)

    store = open_store(directory, SETTINGS)
    asyncio.run(steps())
    store.close()


def test_a_message_that_is_not_settled_has_lost_what_waited(directory: Path) -> None:
    connection = sqlite3.connect(directory / "store.db")
    connection.execute("UPDATE queue_deliveries SET due = NULL WHERE (message, part) = (50, 0)")
    connection.execute("DELETE FROM queue_deliveries WHERE (message, part) = (50, 1)")
    connection.commit()
    connection.close()
    damage(directory, "queue_bodies")
    assert "1 (1-49) held without recipients" in opened(directory).recovered
    assert [each["id"] for each in named(directory, "recipients")] == ["1-49"]


def test_a_message_at_the_edge_of_what_is_lost_may_have_lost_recipients(directory: Path) -> None:
    connection = sqlite3.connect(directory / "store.db")
    connection.execute("DELETE FROM queue_deliveries WHERE (message, part) = (50, 1)")
    connection.execute("DELETE FROM queue_deliveries WHERE (message, part) = (53, 0)")
    connection.execute("DELETE FROM queue_deliveries WHERE message IN (51, 52)")
    connection.commit()
    connection.close()
    damage(directory, "queue_bodies")
    assert "1 (1-49) may have lost recipients" in opened(directory).recovered
    assert [each["id"] for each in named(directory, "perhaps recipients")] == ["1-49"]
    assert {each["id"] for each in named(directory, "recipients")} >= {"1-50", "1-51", "1-52"}


def test_a_message_known_only_by_its_index_is_reported_by_id(directory: Path) -> None:
    connection = sqlite3.connect(directory / "store.db")
    connection.executescript(
        "DROP INDEX queue_deliveries_due; DROP INDEX queue_deliveries_notice;"
        "DELETE FROM queue_deliveries;"
    )
    connection.close()
    damage(directory, "queue_messages")
    said = opened(directory).recovered
    assert "of which only the id is left" in said
    assert named(directory, "message")


def test_unknown_losses_are_counted_between_known_messages(directory: Path) -> None:
    connection = sqlite3.connect(directory / "store.db")
    for number in range(40, 43):
        connection.execute("DELETE FROM queue_deliveries WHERE message = ?", (number + 1,))
        connection.execute("DELETE FROM queue_messages WHERE id = ?", (f"1-{number}",))
    connection.commit()
    connection.close()
    damage(directory, "queue_bodies")
    assert "of 3 not even the id is known, between 1-39 and 1-43" in opened(directory).recovered
    [gap] = named(directory, "message")
    assert (gap["after"], gap["before"], gap["count"]) == ("1-39", "1-43", 3)


def test_a_truncated_file_names_the_last_known_message(directory: Path) -> None:
    file = directory / "store.db"
    file.write_bytes(file.read_bytes()[: -4 * PAGE])
    assert "nothing may be left of mail after 1-" in opened(directory).recovered
