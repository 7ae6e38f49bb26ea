"""Reading a damaged record."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gatepost.directory.contract import Record
from gatepost.store.sqlite import StoreSettings, open_store


@pytest.mark.parametrize(
    ("kept", "remains"),
    [
        ('{"id": "1", "email": "ann@x.example", "notes": "a\x01b"}', ("1", "ann@x.example")),
        ('{"id": "1", "email": "ann@x.example", "no', ("1", "ann@x.example")),
        ('{"id: "1", "email": "a\\"n"@x.example"}', (None, 'a"n')),
        ('["id", "email"]', (None, None)),
        (b"\xff\x00", (None, None)),
    ],
)
def test_the_texts_that_can_be_read_remain_of_a_damaged_record(
    tmp_path: Path, kept: str | bytes, remains: tuple[str | None, ...]
) -> None:
    store = open_store(tmp_path, StoreSettings(reserve=0))

    async def read() -> Record:
        await store.save_records([Record("address", "1", {"id": "1"})])
        with closing(sqlite3.connect(tmp_path / "store.db")) as connection, connection:
            connection.execute("UPDATE records SET fields = ?", (kept,))
        [record] = await store.load_records()
        return record

    try:
        record = asyncio.run(read())
    finally:
        store.close()
    assert record.fields == {}
    assert (record.remains.get("id"), record.remains.get("email")) == remains
