"""Damage that SQLite reads without an error: it is detected, reported and repaired, and delays
no mail."""

import asyncio
import sqlite3
import struct
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gatepost.directory.contract import Record
from gatepost.errors import QueueError
from gatepost.store.sqlite import SqliteStore, StoreSettings, open_store
from gatepost.store.sqlite.damage import check_order
from gatepost.store.sqlite.group_writes import PAGE
from tests.contract.messages import NOON, message
from tests.contract.queued import planned

UNSEEN = StoreSettings(reserve=0, looked_through=0)
"""Of a large store, which is not read through at the start."""


def run(directory: Path, steps: Callable[[SqliteStore], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        store = open_store(directory, UNSEEN)
        try:
            return await asyncio.wait_for(steps(store), 60)
        finally:
            store.close()

    return asyncio.run(main())


def execute(directory: Path, statement: str) -> None:
    with closing(sqlite3.connect(directory / "store.db", isolation_level=None)) as connection:
        connection.execute(statement)


async def fill(store: SqliteStore) -> int:
    for number in range(6):
        await store.put(message(f"1-{number}"))
    await store.save_records([Record("kind", "one", {"name": "x"})])
    return await store.new_epoch()


def move_first_message(directory: Path, number: int) -> None:
    """Give the first message another number, where it is."""
    file = directory / "store.db"
    with closing(sqlite3.connect(file)) as connection:
        find = "SELECT rootpage FROM sqlite_master WHERE name = 'messages'"
        page = (connection.execute(find).fetchone()[0] - 1) * PAGE
    octets = bytearray(file.read_bytes())
    (cell,) = struct.unpack_from(">H", octets, page + 8)
    at = page + cell + (2 if octets[page + cell] & 0x80 else 1)  # behind the length of the row
    assert octets[at] == 1
    octets[at] = number
    file.write_bytes(octets)


@pytest.mark.parametrize("what", ["list", "delete"])
def test_a_number_that_leads_back_ends_what_reads_on_from_it(tmp_path: Path, what: str) -> None:
    async def met(store: SqliteStore) -> None:
        with pytest.raises(QueueError):
            await (store.list() if what == "list" else store.delete(None))
        assert store.has_failed

    async def mended(store: SqliteStore) -> None:
        assert len(await store.list()) >= 5
        assert await store.delete(None) >= 5
        assert await store.list() == []

    run(tmp_path, fill)
    move_first_message(tmp_path, 3)
    run(tmp_path, met)
    run(tmp_path, mended)


def test_keys_are_in_order_or_damaged() -> None:
    check_order((1, 5), (2, 0))
    for other in ((1, 5), (1, 4), ("x", 0)):
        with pytest.raises(sqlite3.DatabaseError):
            check_order((1, 5), other)


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM counters WHERE name = 'messages'",
        "UPDATE counters SET name = 'reporued' WHERE name = 'reported'",
        "UPDATE counters SET value = 'x' WHERE name = 'octets'",
        "UPDATE counters SET value = 1 WHERE name = 'epoch'",
    ],
)
def test_a_damaged_counter_keeps_nothing_from_starting(tmp_path: Path, damage: str) -> None:
    async def steps(store: SqliteStore) -> int:
        assert await store.count() == 6
        assert await store.reports.cursor() >= 0
        return await store.new_epoch()

    run(tmp_path, fill)
    given = run(tmp_path, lambda store: store.new_epoch())
    execute(tmp_path, damage)
    assert run(tmp_path, steps) > given, "no epoch comes twice"


def test_octets_that_are_no_text_are_in_no_record(tmp_path: Path) -> None:
    run(tmp_path, fill)
    execute(tmp_path, "UPDATE records SET id = CAST(X'6FEF65' AS TEXT), "
            "fields = CAST(X'7B226E616D65223A2022EF227D' AS TEXT)")  # fmt: skip
    [record] = run(tmp_path, lambda store: store.load_records())
    assert (record.id, record.fields, record.remains) == ("o\\udcefe", {}, {})


def content_of(name: str) -> bytes:
    return f"Subject: {name}\r\n\r\n".encode()


@pytest.mark.parametrize("index", [b"1-0\x02", b"1-1\x01", b""])
def test_a_message_that_cannot_be_found_by_its_id_is_damage(tmp_path: Path, index: bytes) -> None:
    """Its content would seem to be gone, and it be sent back; or another's content be sent.

    ``index`` is written over the id and the row's number in the index; empty: the row is damaged.
    """

    names = ("1-0", "1-1", "1-2")

    async def queue(store: SqliteStore) -> None:
        await store.deliveries.take_over(NOON)
        for name in names:
            mail = message(name, content_of(name))
            await store.deliveries.put(mail, [planned()], leased=False)

    async def contents(store: SqliteStore) -> int:
        await store.deliveries.take_over(NOON)
        leases = await store.deliveries.lease(NOON, 9)
        for each in leases:
            name = each.message.id
            content = b"".join((await store.deliveries.body(name)).chunks())
            assert name not in names or content == content_of(name)
        return len(leases)

    async def met(store: SqliteStore) -> None:
        with pytest.raises(QueueError):
            await contents(store)
        assert store.has_failed

    run(tmp_path, queue)
    if index:
        file = tmp_path / "store.db"
        assert file.read_bytes().count(b"1-1\x02") == 1
        file.write_bytes(file.read_bytes().replace(b"1-1\x02", index))
    else:
        execute(tmp_path, "UPDATE queue_messages SET id = CAST(X'312DEF' AS TEXT) WHERE seq = 2")
    run(tmp_path, met)
    assert run(tmp_path, contents) == 3
