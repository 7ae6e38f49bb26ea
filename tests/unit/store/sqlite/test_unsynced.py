"""A store that nobody needs after a power cut."""

import asyncio
from pathlib import Path

from gatepost.store.sqlite import SqliteStore, StoreSettings, open_store
from gatepost.store.sqlite.durable_calls import Disk, UnsyncedDisk
from tests.contract.messages import message


def synchronous(store: SqliteStore) -> int:
    [number] = store._files.committer.connection.execute("PRAGMA synchronous").fetchone()
    return int(number)


def test_it_syncs_nothing_and_keeps_mail(tmp_path: Path) -> None:
    async def put_and_read() -> int:
        store = open_store(tmp_path, StoreSettings(disk=UnsyncedDisk(), reserve=0, inline=0))
        try:
            await store.put(message("m1"))
            assert store._files.committer.connection.execute("PRAGMA synchronous").fetchone() == (
                0,
            )
            return await store.count()
        finally:
            store.close()

    assert asyncio.run(put_and_read()) == 1
    store = open_store(tmp_path, StoreSettings(disk=Disk(), reserve=0))
    try:
        assert synchronous(store) == 2
        assert asyncio.run(store.count()) == 1
    finally:
        store.close()
