"""An older copy in the place of a store is detected."""

import asyncio
import shutil
from pathlib import Path

import pytest

from gatepost.store.sqlite import SqliteStore, StoreSettings, open_store
from gatepost.store.sqlite.generation import GENERATION
from gatepost.store.sqlite.recovery import mark_failed
from tests.contract.messages import message

SETTINGS = StoreSettings(reserve=0)


def put(directory: Path, name: str) -> str:
    """Keep one more message; return what opening the store said."""

    async def steps() -> None:
        await store.put(message(name))

    store = open_store(directory, SETTINGS)
    asyncio.run(steps())
    store.close()
    return store.older


def look(directory: Path) -> str:
    store = open_store(directory, SETTINGS)
    store.close()
    return store.older


def epoch(store: SqliteStore) -> int:
    return asyncio.run(store.new_epoch())


def test_an_older_copy_is_reported_once_and_repeats_no_epoch(tmp_path: Path) -> None:
    home, backup = tmp_path / "home", tmp_path / "backup"
    assert put(home, "1") == ""
    shutil.copy(home / "store.db", backup)
    store = open_store(home, SETTINGS)
    given = epoch(store)
    store.close()
    assert put(home, "2") == ""
    shutil.copy(backup, home / "store.db")
    store = open_store(home, SETTINGS)
    assert store.older.startswith("the store is older than the one that was here until 2")
    assert epoch(store) > given
    store.close()
    assert look(home) == put(home, "3") == look(home) == ""


def test_one_in_the_place_of_one_that_is_gone_repeats_no_epoch(tmp_path: Path) -> None:
    store = open_store(tmp_path, SETTINGS)
    given = epoch(store)
    store.close()
    (tmp_path / "store.db").unlink()
    store = open_store(tmp_path, SETTINGS)
    assert epoch(store) > given
    store.close()


def test_reading_the_generation_changes_nothing(tmp_path: Path) -> None:
    put(tmp_path, "1")
    before = (tmp_path / "store.db").read_bytes(), (tmp_path / GENERATION).read_bytes()
    assert look(tmp_path) == ""
    assert ((tmp_path / "store.db").read_bytes(), (tmp_path / GENERATION).read_bytes()) == before


def test_a_file_that_a_kill_has_left_behind_is_no_sign(tmp_path: Path) -> None:
    put(tmp_path, "1")
    before = (tmp_path / GENERATION).read_bytes()
    put(tmp_path, "2")
    (tmp_path / GENERATION).write_bytes(before)
    assert look(tmp_path) == ""


@pytest.mark.parametrize("content", [b"", b"nonsense", b"1", b"9999999 \xff"])
def test_a_file_that_says_nothing_is_none(tmp_path: Path, content: bytes) -> None:
    put(tmp_path, "1")
    (tmp_path / GENERATION).write_bytes(content)
    assert look(tmp_path) == ""


def test_a_repaired_or_new_store_is_not_compared(tmp_path: Path) -> None:
    put(tmp_path, "1")
    (tmp_path / GENERATION).write_text("9999 9999")
    mark_failed(tmp_path, "a sync failed")
    assert look(tmp_path) == ""
    assert look(tmp_path) == ""
    (tmp_path / GENERATION).write_text("9999 9999")
    (tmp_path / "store.db").unlink()
    assert look(tmp_path) == ""
    assert look(tmp_path) == ""
