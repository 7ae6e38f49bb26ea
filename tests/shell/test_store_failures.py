"""The store's answers, and the data it keeps, when the disk is full or fails."""

import asyncio
import errno
import math
import os
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gatepost.directory.contract import Record
from gatepost.errors import QueueError, QueueFull, Unreadable
from gatepost.model.delivery import NewMail
from gatepost.store.sqlite import Retention, SqliteStore, StoreSettings, open_store
from gatepost.store.sqlite.damage import is_damaged
from gatepost.store.sqlite.disk_space import CHECK_EVERY
from tests.contract.failing import FailingDisk, database_error
from tests.contract.messages import NOON, message
from tests.contract.queued import mail, planned, settlement
from tests.loopback import until

LARGE = bytes(20_000)
FSYNC = database_error(sqlite3.SQLITE_IOERR_FSYNC)
FULL = database_error(sqlite3.SQLITE_FULL)
FOREVER = Retention(age=timedelta(days=36_500))
Steps = Callable[[SqliteStore], Awaitable[None]]


QUICK = [0.0]
"""For how slow a disk the event loop commits by itself."""


@pytest.fixture(params=[0.0, math.inf], ids=["thread", "loop"], autouse=True)
def _committed_in(request: pytest.FixtureRequest) -> None:
    QUICK[:] = [request.param]


def settings(disk: FailingDisk, **other: Any) -> StoreSettings:
    usual: dict[str, Any] = {"disk": disk, "retention": FOREVER, "reserve": 0, "inline": 16_384}
    return StoreSettings(**usual | {"quick": QUICK[0]} | other)


def run(
    directory: Path,
    steps: Steps,
    given: StoreSettings,
    on_failure: Callable[[QueueError], None] = lambda _: None,
) -> None:
    async def main() -> None:
        store = open_store(directory, given, on_failure)
        try:
            await asyncio.wait_for(steps(store), 60)
        finally:
            store.close()

    asyncio.run(main())


class UnreadableBody:
    """A body that cannot be read when it is written."""

    size = 3

    def chunks(self) -> Iterator[bytes]:
        raise FailingDisk.BROKEN


async def put_many(store: SqliteStore) -> None:
    for number in range(100):
        await store.put(message(f"m{number}"))


async def ids(store: SqliteStore) -> list[str]:
    return [each.id for each in await store.list()]


BROKEN = [
    ("COMMIT", FSYNC, b"small"),
    ("COMMIT", database_error(sqlite3.SQLITE_IOERR_WRITE), b"small"),
    ("COMMIT", FSYNC, LARGE),
    ("UPDATE", database_error(sqlite3.SQLITE_CORRUPT), b"small"),
    ("sync", FailingDisk.BROKEN, LARGE),
    ("sync", FailingDisk.NO_ROOM, LARGE),  # of a disk that was promised more than there is
    ("write", FailingDisk.BROKEN, LARGE),
]


@pytest.mark.parametrize(("what", "error", "body"), BROKEN)
def test_a_failed_sync_is_final(
    tmp_path: Path, what: str, error: BaseException, body: bytes
) -> None:
    disk = FailingDisk()
    told: list[QueueError] = []

    async def steps(store: SqliteStore) -> None:
        await store.put(message("before", LARGE))
        disk.fail(what, error, times=1)
        with pytest.raises(QueueError) as caught:
            await store.put(message("failed", body))
        assert not isinstance(caught.value, QueueFull)
        assert store.refusal == "", "which is for want of room"
        for again in (b"small", LARGE):  # the disk works again: too late
            with pytest.raises(QueueError):
                await store.put(message("after", again))
        with pytest.raises(QueueError):
            await store.delete(None)
        assert await ids(store) == ["before"]

    run(tmp_path, steps, settings(disk), told.append)
    assert len(told) == 1
    assert (tmp_path / "store.failed").exists()

    async def later(store: SqliteStore) -> None:
        assert store.refusal == ""
        assert "before" in await ids(store)
        assert "after" not in await ids(store)
        await store.put(message("new", LARGE))
        assert b"".join((await store.body("new")).chunks()) == LARGE

    run(tmp_path, later, settings(FailingDisk()))
    left = {each.name for each in tmp_path.iterdir()} - {"segments"}
    aside = {"store.db.damaged", "store.db.damaged-wal"} if is_damaged(error) else set()
    assert left == {"lock", "store.db", "store.generation", "store.layout", *aside}


@pytest.mark.parametrize("number", [1, 2], ids=["of segments", "of a segment"])
def test_a_name_that_may_not_survive_is_final_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    told: list[QueueError] = []
    syncs = iter([False] * (number - 1) + [True])

    def sync(_: Path) -> None:
        if next(syncs, False):
            raise FailingDisk.NO_ROOM

    async def steps(store: SqliteStore) -> None:
        monkeypatch.setattr("gatepost.store.sqlite.durable_calls.sync_directory", sync)
        for _ in range(2):  # the next sync may say that all is well
            with pytest.raises(QueueError) as caught:
                await store.put(message("failed", LARGE))
            assert not isinstance(caught.value, QueueFull)

    run(tmp_path, steps, settings(FailingDisk()), told.append)
    assert len(told) == 1


def test_a_file_that_cannot_be_read_at_the_start_is_not_taken_for_damaged(tmp_path: Path) -> None:
    async def steps(store: SqliteStore) -> None:
        await store.put(message("m1"))

    run(tmp_path, steps, settings(FailingDisk()))
    disk = FailingDisk()
    disk.fail("SELECT", database_error(sqlite3.SQLITE_IOERR_READ), times=1)
    with pytest.raises(Unreadable, match="disk I/O error"):
        open_store(tmp_path, settings(disk))
    assert not (tmp_path / "store.failed").exists()


def test_a_body_has_one_place_also_where_its_group_has_to_be_begun_again(tmp_path: Path) -> None:
    disk = FailingDisk()

    async def steps(store: SqliteStore) -> None:
        await store.put(message("before", LARGE))
        disk.fail("BEGIN", database_error(sqlite3.SQLITE_BUSY), times=1)
        await store.put(message("again", b"y" * len(LARGE)))
        assert b"".join((await store.body("before")).chunks()) == LARGE
        assert b"".join((await store.body("again")).chunks()) == b"y" * len(LARGE)

    run(tmp_path, steps, settings(disk))
    (segment,) = (tmp_path / "segments").iterdir()
    assert segment.stat().st_size == 2 * len(LARGE)


def test_a_failure_before_the_sync_leaves_no_put_waiting(tmp_path: Path) -> None:
    async def steps(store: SqliteStore) -> None:
        await store.put(message("before", LARGE))
        writer = store._writer
        give = writer._sync_thread.give

        def give_late(job: Any) -> None:
            writer.fail(QueueError("meanwhile, elsewhere"))
            give(job)

        writer._sync_thread.give = give_late
        with pytest.raises(QueueError):
            await store.put(message("late", LARGE))
        assert not store._bodies._writing.locked()

    run(tmp_path, steps, settings(FailingDisk(), quick=math.inf))


def test_a_notification_that_goes_nowhere_is_its_settlement_s_fault_alone(tmp_path: Path) -> None:
    async def steps(store: SqliteStore) -> None:
        await store.deliveries.take_over(NOON)
        (lease,) = await store.deliveries.put(mail("m1"), [planned()])
        bad = settlement("failed", emits=(NewMail(mail("notification"), ()),))
        with pytest.raises(QueueError):
            await store.deliveries.settle(lease, bad, NOON)
        await store.put(message("next"))
        await store.deliveries.settle(lease, settlement("failed"), NOON)

    run(tmp_path, steps, settings(FailingDisk()))


def test_every_other_failure_is_reported(tmp_path: Path) -> None:
    async def steps(store: SqliteStore) -> None:
        await store.deliveries.take_over(NOON)
        (lease,) = await store.deliveries.put(mail("m1"), [planned()])
        unreadable = replace(mail("notification"), body=UnreadableBody())
        bad = settlement("failed", emits=(NewMail(unreadable, (planned(),)),))
        with pytest.raises(QueueError):
            await store.deliveries.settle(lease, bad, NOON)

    told: list[QueueError] = []
    run(tmp_path, steps, settings(FailingDisk()), told.append)
    assert len(told) == 1


def test_a_segment_that_is_closed_with_an_error_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, close = FailingDisk(), os.close

    def close_badly(descriptor: int) -> None:
        close(descriptor)
        raise FailingDisk.BROKEN

    async def steps(store: SqliteStore) -> None:
        await store.put(message("before", LARGE))
        disk.fail("write", FailingDisk.NO_ROOM, times=1)
        with monkeypatch.context() as patch:
            patch.setattr("gatepost.store.sqlite.segments.os.close", close_badly)
            with pytest.raises(QueueFull):
                await store.put(message("full", LARGE))
        await asyncio.sleep(CHECK_EVERY)
        await store.put(message("after", LARGE))

    run(tmp_path, steps, settings(disk))


def test_a_directory_that_cannot_be_looked_into_any_more_takes_no_mail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied")

    async def steps(store: SqliteStore) -> None:
        await asyncio.sleep(CHECK_EVERY)
        with monkeypatch.context() as patch:
            patch.setattr(Path, "exists", denied)
            with pytest.raises(QueueFull):
                await put_many(store)

    run(tmp_path, steps, settings(FailingDisk()))


def test_every_put_of_the_batch_gets_the_failure(tmp_path: Path) -> None:
    disk = FailingDisk()

    async def steps(store: SqliteStore) -> None:
        disk.fail("COMMIT", FSYNC)
        puts = [store.put(message(f"m{number}")) for number in range(50)]
        outcomes = await asyncio.gather(*puts, return_exceptions=True)
        assert [type(each) for each in outcomes if not isinstance(each, QueueError)] == []

    run(tmp_path, steps, settings(disk))


def test_a_failed_checkpoint_is_final_too(tmp_path: Path) -> None:
    disk = FailingDisk()
    told: list[QueueError] = []

    async def steps(store: SqliteStore) -> None:
        disk.fail("PRAGMA", FSYNC)
        failed = 0
        for number in range(600):  # 16 KB each: more than one checkpoint's worth
            try:
                await store.put(message(f"m{number}", bytes(16_000)))
            except QueueError:
                failed += 1
        assert failed

    run(tmp_path, steps, settings(disk), told.append)
    assert len(told) == 1


@pytest.mark.skipif(not hasattr(os, "statvfs"), reason="Windows has no read-only mounts")
@pytest.mark.parametrize("body", [b"small", LARGE], ids=["small", "large"])
def test_a_sync_on_a_file_system_that_became_read_only_is_a_failed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    """ext4 reports success then, but syncs nothing."""
    told: list[QueueError] = []
    measure = os.statvfs

    def read_only(path: Path) -> os.statvfs_result:
        facts = list(measure(path))
        facts[8] |= os.ST_RDONLY
        return os.statvfs_result(facts)

    async def steps(store: SqliteStore) -> None:
        await store.put(message("before", body))
        monkeypatch.setattr(os, "statvfs", read_only)
        with pytest.raises(QueueError, match="Read-only file system"):
            await store.put(message("failed", body))
        monkeypatch.setattr(os, "statvfs", measure)
        with pytest.raises(QueueError, match="Read-only file system"):
            await store.put(message("after", body))

    run(tmp_path, steps, settings(FailingDisk()), told.append)
    assert len(told) == 1


def test_so_is_a_checkpoint_there(tmp_path: Path) -> None:
    """Otherwise the log would be overwritten although the database may lack its pages."""
    told: list[QueueError] = []

    class Disk(FailingDisk):
        is_read_only = False

        def check_writable(self, directory: Path) -> None:
            if self.is_read_only:
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))
            super().check_writable(directory)

    async def steps(store: SqliteStore) -> None:
        await store.put(message("before"))
        disk.is_read_only = True  # and closing the store moves the log

    disk = Disk()
    run(tmp_path, steps, settings(disk), told.append)
    assert [str(each) for each in told] == ["the store cannot be written: Read-only file system"]


NO_ROOM = [
    ("COMMIT", FULL, b"small"),
    ("COMMIT", FULL, LARGE),
    ("BEGIN", FULL, b"small"),
    ("write", FailingDisk.NO_ROOM, LARGE),
]


@pytest.mark.parametrize(("what", "error", "body"), NO_ROOM)
def test_a_full_disk_refuses_until_there_is_room(
    tmp_path: Path, what: str, error: BaseException, body: bytes
) -> None:
    disk = FailingDisk()
    told: list[QueueError] = []

    async def steps(store: SqliteStore) -> None:
        await store.put(message("before", LARGE))
        disk.fail(what, error)
        with pytest.raises(QueueFull):
            await store.put(message("refused", body))
        assert "full" in store.refusal
        with pytest.raises(QueueFull):
            await store.put(message("refused", body))
        disk.failures.clear()
        await asyncio.sleep(CHECK_EVERY * 1.2)
        assert store.refusal == ""
        await store.put(message("after", body))
        assert await ids(store) == ["after", "before"]
        assert b"".join((await store.body("before")).chunks()) == LARGE
        assert b"".join((await store.body("after")).chunks()) == body

    run(tmp_path, steps, settings(disk), told.append)
    assert told == []


def test_mail_is_refused_under_the_watermark_and_deletion_is_not(tmp_path: Path) -> None:
    disk = FailingDisk()

    async def steps(store: SqliteStore) -> None:
        await store.put(message("a"))
        disk.room = 1_000
        await asyncio.sleep(CHECK_EVERY * 1.2)
        await store.put(message("b"))  # the last one, behind whose commit the disk is looked at
        await until(lambda: "kept free" in store.refusal)
        with pytest.raises(QueueFull):
            await store.put(message("c"))
        assert await store.delete(["a"]) == 1
        disk.room = 10**9
        await asyncio.sleep(CHECK_EVERY * 1.2)
        await store.put(message("c"))
        assert await ids(store) == ["c", "b"]

    run(tmp_path, steps, settings(disk, watermark=1_000_000))


def test_a_disk_under_its_watermark_is_seen_at_the_start(tmp_path: Path) -> None:
    disk = FailingDisk()
    disk.room = 1_000

    async def steps(store: SqliteStore) -> None:
        assert store.refusal

    run(tmp_path, steps, settings(disk))


def test_the_reserve_lets_deletion_go_on(tmp_path: Path) -> None:
    disk = FailingDisk()
    reserve = tmp_path / "reserve"

    async def steps(store: SqliteStore) -> None:
        await store.put(message("a"))
        await until(lambda: reserve.exists() and reserve.stat().st_size == 100_000)
        disk.fail("COMMIT", FULL, times=1)
        assert await store.delete(["a"]) == 1
        assert await store.count() == 0
        await store.save_records([Record("app", "1", {})])

    run(tmp_path, steps, settings(disk, reserve=100_000, upkeep=0.1))


def test_a_start_on_a_full_disk_takes_the_reserve(tmp_path: Path) -> None:
    disk = FailingDisk()

    async def before(store: SqliteStore) -> None:
        store.keep_reserve()

    async def after(store: SqliteStore) -> None:
        assert not (tmp_path / "reserve").exists()
        assert store.refusal

    run(tmp_path, before, settings(disk, reserve=100_000))
    disk.room = 0
    run(tmp_path, after, settings(disk, reserve=100_000))


def test_room_that_the_reserve_gave_is_not_for_mail(tmp_path: Path) -> None:
    disk = FailingDisk()
    reserve = tmp_path / "reserve"

    async def steps(store: SqliteStore) -> None:
        store.keep_reserve()
        await store.put(message("a"))
        disk.room = 1_050_000
        disk.fail("COMMIT", FULL, times=2)  # the second time behind the log's being moved
        assert await store.delete(["a"]) == 1
        assert not reserve.exists()
        await asyncio.sleep(CHECK_EVERY * 1.2)
        with pytest.raises(QueueFull):
            await store.put(message("b"))
        disk.room = 10**9
        await asyncio.sleep(CHECK_EVERY * 1.2)
        await store.put(message("c"))

    run(tmp_path, steps, settings(disk, reserve=100_000, watermark=1_000_000))


def test_on_a_nearly_full_disk_the_log_is_written_over(tmp_path: Path) -> None:
    disk = FailingDisk()
    log = tmp_path / "store.db-wal"

    async def change(store: SqliteStore, number: int) -> None:
        await store.save_records([Record("app", "1", {"text": f"{number}" * 20_000})])

    async def steps(store: SqliteStore) -> None:
        disk.room = 1_000
        await asyncio.sleep(CHECK_EVERY * 1.2)
        await change(store, 1)
        before = log.stat().st_size
        for number in range(9):
            await change(store, number)
        assert log.stat().st_size < before + 60_000

    run(tmp_path, steps, settings(disk, watermark=1_000_000))


def test_on_a_nearly_full_disk_dead_bodies_give_back_their_room(tmp_path: Path) -> None:
    disk = FailingDisk()
    segments = tmp_path / "segments"

    async def steps(store: SqliteStore) -> None:
        await store.put(message("a", LARGE))
        disk.fail("write", FailingDisk.NO_ROOM, times=1)
        with pytest.raises(QueueFull):
            await store.put(message("b", LARGE))
        assert [each.stat().st_size for each in segments.iterdir()] == [len(LARGE)]
        disk.room = 1_000
        assert await store.delete(["a"]) == 1
        await until(lambda: not list(segments.iterdir()))  # though it took the last body

    run(tmp_path, steps, settings(disk, watermark=1_000_000, upkeep=0.05))


def test_the_reserve_is_there_before_mail_is_accepted(tmp_path: Path) -> None:
    async def steps(store: SqliteStore) -> None:
        assert not (tmp_path / "reserve").exists(), "who only looks changes nothing"
        store.keep_reserve()
        assert (tmp_path / "reserve").stat().st_size == 100_000

    run(tmp_path, steps, settings(FailingDisk(), reserve=100_000))


def test_sqlite_itself_finds_no_room(tmp_path: Path) -> None:
    """A real error: the database may not grow any further."""

    async def steps(store: SqliteStore) -> None:
        await store.put(message("before"))
        connection = store._files.committer.connection
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages + 2}")
        with pytest.raises(QueueFull):
            await store.put(message("refused", bytes(16_000)))
        connection.execute("PRAGMA max_page_count=1000000")
        await asyncio.sleep(CHECK_EVERY * 1.2)
        await store.put(message("after", bytes(16_000)))
        assert await ids(store) == ["after", "before"]

    run(tmp_path, steps, settings(FailingDisk()))


def test_a_fault_in_a_thread_of_the_store_ends_it_instead_of_leaving_all_to_wait(
    tmp_path: Path,
) -> None:
    failures: list[QueueError] = []
    failed = threading.Event()

    def break_it() -> None:
        raise LookupError

    def fail(error: QueueError) -> None:
        failures.append(error)
        failed.set()

    async def steps(store: SqliteStore) -> None:
        store.reports.watch(break_it)
        await store.put(message("1"))
        await asyncio.to_thread(failed.wait, 10)
        with pytest.raises(QueueError, match="an unexpected error in the store: LookupError at "):
            await store.put(message("2"))
        with pytest.raises(QueueError, match="an unexpected error in the store"):
            await store.new_epoch()

    run(tmp_path, steps, settings(FailingDisk()), fail)
    assert len(failures) == 1
