"""Versions, foreign files, shared mounts, and the rest of an interrupted recovery."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gatepost.errors import QueueFull, Unreadable
from gatepost.store.lock import StoreLocked
from gatepost.store.sqlite import SqliteStore, StoreSettings, open_store, opening
from gatepost.store.sqlite.disk_space import CHECK_EVERY
from gatepost.store.sqlite.queries import APPLICATION, MIGRATIONS
from gatepost.store.sqlite.recovery import mark_failed, missing, recover
from tests.contract.failing import FailingDisk
from tests.contract.messages import message

SETTINGS = StoreSettings(reserve=0)


FILES = {"lock", "store.db", "store.generation", "store.layout"}


def fill(directory: Path) -> None:
    async def steps() -> None:
        await store.put(message("kept"))

    store = open_store(directory, SETTINGS)
    asyncio.run(steps())
    store.close()


def kept(directory: Path) -> bool:
    store = open_store(directory, SETTINGS)
    try:
        return [each.id for each in asyncio.run(store.list())] == ["kept"]
    finally:
        store.close()


def execute(directory: Path, statement: str) -> None:
    connection = sqlite3.connect(directory / "store.db")
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_it_is_closed_as_one_file(tmp_path: Path) -> None:
    fill(tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == FILES
    assert kept(tmp_path)


def test_a_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    fill(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o077 == 0


def test_it_is_opened_once(tmp_path: Path) -> None:
    store = open_store(tmp_path, SETTINGS)
    with pytest.raises(StoreLocked):
        open_store(tmp_path, SETTINGS)
    store.close()
    store.close()
    open_store(tmp_path, SETTINGS).close()


UNREADABLE: list[tuple[Callable[[Path], object], str]] = [
    (lambda path: execute(path, "PRAGMA user_version=99"), "version 99"),
    (lambda path: execute(path, "PRAGMA application_id=7"), "another program"),
    (lambda path: (path / "store.db").write_bytes(b"not a database" * 1000), "cannot be opened"),
]


@pytest.mark.parametrize(("spoil", "said"), UNREADABLE)
def test_an_unreadable_store_is_an_error_and_unchanged(
    tmp_path: Path, spoil: Callable[[Path], object], said: str
) -> None:
    fill(tmp_path)
    spoil(tmp_path)
    before = (tmp_path / "store.db").read_bytes()
    for _ in range(2):  # the lock is free again
        with pytest.raises(Unreadable, match=said):
            open_store(tmp_path, SETTINGS)
    assert (tmp_path / "store.db").read_bytes() == before


def test_a_damaged_format_is_damage_as_any_other(tmp_path: Path) -> None:
    fill(tmp_path)
    octets = bytearray((tmp_path / "store.db").read_bytes())
    octets[47] ^= 1  # of the schema; https://sqlite.org/fileformat.html 1.3.10
    (tmp_path / "store.db").write_bytes(octets)
    assert kept(tmp_path)


def test_the_directory_may_be_a_symbolic_link_but_not_the_database(tmp_path: Path) -> None:
    data, link, elsewhere = tmp_path / "data", tmp_path / "link", tmp_path / "store.db"
    data.mkdir()
    link.symlink_to(data)
    open_store(link).close()
    (data / "store.db").rename(elsewhere)
    (data / "store.db").symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    with pytest.raises(Unreadable, match=r"store\.db cannot be opened"):
        open_store(link)
    assert elsewhere.read_bytes() == before


def test_a_file_in_place_of_the_directory_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(Unreadable, match="cannot be used"):
        open_store(tmp_path / "data", SETTINGS)


def test_a_name_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="its name is not UTF-8"):
        open_store(tmp_path / os.fsdecode(b"data-\xff"), SETTINGS)
    assert not [*tmp_path.iterdir()]


def test_a_shared_mount_is_refused_unless_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "shared_mount", lambda _: "nfs4")
    with pytest.raises(Unreadable, match="nfs4"):
        open_store(tmp_path, SETTINGS)
    open_store(tmp_path, StoreSettings(shared_mount=True)).close()


def test_without_a_marker_nothing_is_recovered(tmp_path: Path) -> None:
    fill(tmp_path)
    assert not recover(tmp_path, FailingDisk())


STEPS = ["sync", "sync_directory 1", "sync_directory 2", "sync_directory 3"]


class Dying(FailingDisk):
    """Raises at one step of a recovery, as if the power had gone."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self.step, self.seen = step, 0

    def sync(self, descriptor: int) -> None:
        if self.step == "sync":
            raise InterruptedError
        super().sync(descriptor)

    def sync_directory(self, directory: Path) -> None:
        self.seen += 1
        if self.step == f"sync_directory {self.seen}":
            raise InterruptedError
        super().sync_directory(directory)


@pytest.mark.parametrize("step", STEPS)
def test_a_recovery_may_be_interrupted_anywhere(tmp_path: Path, step: str) -> None:
    fill(tmp_path)
    mark_failed(tmp_path, "the sync failed")
    with pytest.raises(InterruptedError):
        recover(tmp_path, Dying(step))
    assert kept(tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == FILES


def test_commits_that_are_only_in_the_log_are_copied(tmp_path: Path) -> None:
    """As after a kill: the WAL still holds what was committed."""
    fill(tmp_path / "a")
    connection = sqlite3.connect(tmp_path / "a" / "store.db")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute("UPDATE messages SET subject = 'from the log'")
    connection.commit()
    (tmp_path / "b").mkdir()
    for name in ("store.db", "store.db-wal"):
        (tmp_path / "b" / name).write_bytes((tmp_path / "a" / name).read_bytes())
    connection.close()
    mark_failed(tmp_path / "b", "the sync failed")
    assert recover(tmp_path / "b", FailingDisk())
    copied = sqlite3.connect(tmp_path / "b" / "store.db")
    assert copied.execute("SELECT subject FROM messages").fetchall() == [("from the log",)]
    copied.close()


def test_a_store_of_the_first_version_is_taken_over(tmp_path: Path) -> None:
    """Its mail is there, and counts as reported: nobody is told of it now."""
    connection = sqlite3.connect(tmp_path / "store.db")
    connection.executescript(
        f"{MIGRATIONS[0]} PRAGMA user_version=1;"
        f"PRAGMA application_id={APPLICATION};"
        "INSERT INTO messages VALUES (7, 'kept', 0, '', '[]', NULL, '', '', '', '', 0, 0, NULL, 0);"
        "INSERT INTO bodies VALUES (7, '');"
    )
    connection.close()
    store = open_store(tmp_path, SETTINGS)

    async def steps() -> None:
        assert [each.id for each in await store.list()] == ["kept"]
        assert await store.reports.cursor() == 7
        await store.put(message("new"))
        assert [each.message.id for each in await store.reports.read_on(9)] == ["new"]

    asyncio.run(steps())
    store.close()


@pytest.mark.parametrize(
    ("name", "left"),
    [("store.db", b""), ("store.db-wal", b""), ("store.db-wal", b"\xa5" * 10_000)],
    ids=["empty", "deleted", "a log that says nothing"],
)
def test_content_files_without_a_database_are_set_aside(
    tmp_path: Path, name: str, left: bytes
) -> None:
    """A new one would delete segments in which it knows of nothing."""
    for number in range(2):
        store = open_store(tmp_path, SETTINGS)
        asyncio.run(put_large(store))
        store.close()
        (tmp_path / "store.db").unlink()
        (tmp_path / name).write_bytes(left)
        assert "store.db is missing" in missing(tmp_path)
        store = open_store(tmp_path, SETTINGS)
        assert "content files that are left: 1, now in segments.lost" in store.begun
        assert store.recovered == ""
        store.close()
        assert len(list(tmp_path.glob("segments.lost*/00000001"))) == number + 1
        assert missing(tmp_path) == ""


async def put_large(store: SqliteStore) -> None:
    await store.put(message("large", bytes(20_000)))


def test_a_store_whose_database_is_removed_accepts_nothing_more(tmp_path: Path) -> None:
    store = open_store(tmp_path, SETTINGS)
    assert store.refusal == ""
    (tmp_path / "store.db").unlink()
    time.sleep(CHECK_EVERY)

    async def steps() -> None:
        for number in range(100):  # it looks behind a commit
            await store.put(message(f"unnoticed {number}"))

    with pytest.raises(QueueFull, match=r"store\.db is missing"):
        asyncio.run(steps())
    store.close()


def test_a_new_directory_has_lost_nothing(tmp_path: Path) -> None:
    (tmp_path / "segments").mkdir()
    assert missing(tmp_path) == missing(tmp_path / "other") == ""
