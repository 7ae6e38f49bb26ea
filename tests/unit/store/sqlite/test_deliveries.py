"""The queue in SQLite: durability, queries without full scans, and freed space."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gatepost.errors import LeaseLost, QueueError, QueueFull
from gatepost.model.delivery import Lease
from gatepost.model.note import Note
from gatepost.model.route import NextHop
from gatepost.queue.deliveries_contract import QueueSelection, planned_delivery
from gatepost.queue.notes_contract import EXPIRED
from gatepost.store.batched_actions import BATCH
from gatepost.store.delivery_json import read_addressees
from gatepost.store.retention_limits import History
from gatepost.store.sqlite import SqliteStore, StoreSettings, open_store
from gatepost.store.sqlite.delivery_rows import delivery_row, message_row
from gatepost.store.sqlite.delivery_writer import SOME, SQL
from gatepost.store.sqlite.durable_calls import Disk
from gatepost.store.sqlite.queries import APPLICATION, MIGRATIONS, QUERIES, VERSION
from gatepost.store.sqlite.segments import BodyPlace
from tests.contract.messages import NOON, message
from tests.contract.queued import DAY, HOUR, ids, mail, planned, settlement
from tests.unit.store.sqlite.schema import plans

SETTINGS = StoreSettings(reserve=0)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def run(
    directory: Path,
    steps: Callable[[SqliteStore], Awaitable[None]],
    settings: StoreSettings = SETTINGS,
) -> None:
    async def main() -> None:
        store = open_store(directory, settings)
        try:
            await asyncio.wait_for(steps(store), 60)
        finally:
            store.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    "damage",
    [
        "queue_deliveries SET expires = 1 << 62",
        "queue_deliveries SET expires = 'x'",
        "queue_deliveries SET notice = -(1 << 61)",
        "queue_deliveries SET due = -(1 << 62)",
        "queue_deliveries SET hop = X'687562FF'",
        "queue_deliveries SET attempts = 'x', history = '[[1]]'",
        "queue_messages SET received_at = 1 << 62, trace = 'x', parameters = '[1]'",
        """queue_messages SET parameters = '{"ret": 5, "envid": "x"}'""",
        """queue_messages SET parameters = '{"body": ["7BIT"]}'""",
    ],
)
def test_a_damaged_row_does_not_delay_other_mail(tmp_path: Path, damage: str) -> None:
    async def fill(store: SqliteStore) -> None:
        await store.deliveries.take_over(NOON)
        for number in range(3):
            await store.deliveries.put(message(f"1-{number}"), [planned()], leased=False)

    async def steps(store: SqliteStore) -> None:
        assert await store.deliveries.take_over(NOON) == 2
        assert len(await store.deliveries.list(QueueSelection())) == 3
        assert await store.deliveries.next_due() is not None
        overdue = await store.deliveries.lease_overdue(NOON, 10)
        leases = [*overdue, *await store.deliveries.lease(NOON, 10)]
        assert {each.message.id for each in leases} >= {"1-0", "1-2"}
        assert all(each.message.envelope.is_plain for each in leases)
        told = {each.message.id for each in leases if each.message.is_damaged}
        assert told == ({"1-1"} if "parameters" in damage else set())
        for each in leases:
            await store.deliveries.settle(each, settlement("delivered"), NOON)
        await store.deliveries.act("drop", None, NOON)
        assert not await store.deliveries.list(QueueSelection())

    run(tmp_path, fill)
    connection = sqlite3.connect(tmp_path / "store.db")
    key = "message" if "deliveries" in damage else "seq"
    connection.execute(f"UPDATE {damage} WHERE {key} = 2")
    connection.commit()
    connection.close()
    run(tmp_path, steps)


def write_unchecked(file: Path, change: str) -> None:
    """Change a row of the queue's messages as if its columns were declared to hold anything."""
    strict, lax = " TEXT    NOT NULL", " BLOB"
    declare = "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE name = 'queue_messages'"
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        [declared] = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'queue_messages'"
        ).fetchone()
        connection.execute(declare, (strict, lax))
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(change)
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET sql = ? WHERE name = 'queue_messages'", (declared,)
        )


@pytest.mark.parametrize("damage", ["mail_from = NULL", "subject = 5"])
def test_a_row_with_columns_that_are_no_text_is_repaired_at_the_next_start(
    tmp_path: Path, damage: str
) -> None:
    async def fill(store: SqliteStore) -> None:
        await store.deliveries.take_over(NOON)
        for number in range(3):
            await store.deliveries.put(message(f"1-{number}"), [planned()], leased=False)

    async def fail(store: SqliteStore) -> None:
        with pytest.raises(QueueError, match="a column of text holds none"):
            await store.deliveries.lease(NOON, 10)
        assert store.has_failed, "as it is, it would be met again and again"

    async def mended(store: SqliteStore) -> None:
        assert "the store was damaged" in store.recovered
        await store.deliveries.take_over(NOON)
        leases = await store.deliveries.lease(NOON, 10)
        held = await store.deliveries.list(QueueSelection(states=("held",)))
        assert {each.message.id for each in leases} >= {"1-0", "1-2"}
        assert len(leases) + len(held) == 3

    run(tmp_path, fill)
    write_unchecked(tmp_path / "store.db", f"UPDATE queue_messages SET {damage} WHERE seq = 2")
    run(tmp_path, fail, StoreSettings(reserve=0, looked_through=0))
    run(tmp_path, mended, StoreSettings(reserve=0, looked_through=0))


def test_a_recipient_with_a_damaged_fate_is_still_waiting() -> None:
    known = '[["a@x.test",[],null,"delivered",null],["b@x.test",[],null,"wa!ting",null]]'
    assert [each.fate for each in read_addressees(known)] == ["delivered", "waiting"]


STATEMENTS = {**SQL, **{name: QUERIES[name] for name in ("last_place", "live_places")}}
SCANNED = {
    # Next hops for which something waits, by their time, until one is not skipped.
    "all_hops", "has_hops",
    # An operator's question, or word: a count of index entries, a listing, a walk in batches.
    "count_waiting", "count_leased", "count_held", "some_leased", "some_held",
    # What was leased at a crash: no more than was in memory.
    "stale_hops", "give_back", "give_back_held",
    # Whether an id that the index does not have is there all the same.
    "has_unindexed",
    # From one end of an index, up to what is kept.
    "settled_beyond", "first_notice",
}  # fmt: skip


def test_no_question_is_answered_by_reading_everything() -> None:
    found = list(plans(STATEMENTS))
    scanned = {name for name, step in found if step.startswith("SCAN queue_")}
    assert scanned <= SCANNED
    assert {step for name, step in found if name in SCANNED and "queue_deliveries" in step} <= {
        step for _, step in found if "INDEX" in step
    }
    sorted_ = {name for name, step in found if "TEMP B-TREE" in step and "LAST TERM" not in step}
    assert sorted_ <= {"some_leased", "some_held", "stale_hops", "count_leased"}


def test_waiting_mail_survives_a_restart(tmp_path: Path) -> None:
    content = bytes(range(256)) * 1000

    async def before(store: SqliteStore) -> None:
        queue = store.deliveries
        await queue.take_over(NOON)
        await queue.put(mail("a", body=content), [planned(), planned(hop=NextHop("other"))])
        [b] = await queue.put(mail("b"), [planned()])
        await queue.settle(b, settlement("deferred", again=NOON + DAY), NOON)
        [c] = await queue.put(mail("c"), [planned()])
        await queue.settle(c, settlement("delivered"), NOON)
        await queue.put(mail("d"), [planned()], leased=False)
        await queue.act("hold", ["d"], NOON)

    async def after(store: SqliteStore) -> None:
        queue = store.deliveries
        assert [each.state for each in await queue.find("a")] == ["waiting", "waiting"]
        assert await queue.lease(NOON, 9) == [], "nothing is due before somebody takes over"
        assert await queue.take_over(NOON + HOUR) > 0
        assert sorted(ids(await queue.lease(NOON + HOUR, 9))) == ["a.0", "a.1"]
        assert b"".join((await queue.body("a")).chunks()) == content
        assert [each.state for each in await queue.find("d")] == ["held"]
        assert ids(await queue.lease(NOON + DAY, 9)) == ["b.0"]

    run(tmp_path, before)
    run(tmp_path, after)


def test_an_earlier_owner_s_lease_is_lost(tmp_path: Path) -> None:
    leases: list[Lease] = []

    async def before(store: SqliteStore) -> None:
        await store.deliveries.take_over(NOON)
        leases.extend(await store.deliveries.put(mail("a"), [planned()]))

    async def after(store: SqliteStore) -> None:
        await store.deliveries.take_over(NOON)
        with pytest.raises(LeaseLost):
            await store.deliveries.settle(leases[0], settlement("delivered"), NOON)

    run(tmp_path, before)
    run(tmp_path, after)


def test_delivery_begins_before_all_of_many_are_released(tmp_path: Path) -> None:
    async def steps(store: SqliteStore) -> None:
        queue, held = store.deliveries, SOME + BATCH
        await queue.take_over(NOON)
        puts = [queue.put(mail(f"m{each}"), [planned()], leased=False) for each in range(held)]
        await asyncio.gather(*puts)
        assert await queue.act("hold", None, NOON) == held
        begun: list[asyncio.Task[Sequence[Lease]]] = []

        def lease() -> None:
            begun.append(asyncio.create_task(queue.lease(NOON, held)))

        assert await queue.act("release", None, NOON, lease) == held
        assert 0 < len(await begun[0]) < held

    run(tmp_path, steps)


def test_an_operator_may_act_on_a_stopped_relay_s_queue(tmp_path: Path) -> None:
    async def before(store: SqliteStore) -> None:
        await store.deliveries.take_over(NOON)
        for name in "abc":
            await store.deliveries.put(mail(name), [planned()])

    async def stopped(store: SqliteStore) -> None:
        assert await store.deliveries.act("hold", ["a"], NOON) == 1
        assert await store.deliveries.act("drop", ["b"], NOON) == 1
        assert [each.state for each in await store.deliveries.find("a")] == ["held"]

    async def after(store: SqliteStore) -> None:
        await store.deliveries.take_over(NOON)
        assert ids(await store.deliveries.lease(NOON, 9)) == ["c.0"]
        assert await store.deliveries.act("release", ["a"], NOON) == 1
        assert ids(await store.deliveries.lease(NOON, 9)) == ["a.0"]

    run(tmp_path, before)
    run(tmp_path, stopped)
    run(tmp_path, after)


@pytest.mark.parametrize("version", range(1, VERSION))
def test_older_stores_are_opened(tmp_path: Path, version: int) -> None:
    connection = sqlite3.connect(tmp_path / "store.db")
    for step in MIGRATIONS[:version]:
        connection.executescript(step)
    connection.executescript(f"PRAGMA application_id={APPLICATION}; PRAGMA user_version={version};")
    connection.close()

    async def steps(store: SqliteStore) -> None:
        await store.put(message("captured"))
        await store.deliveries.take_over(NOON)
        await store.deliveries.put(mail("queued"), [planned()])
        assert [each.id for each in await store.list()] == ["captured"]
        assert [each.message for each in await store.deliveries.list()] == ["queued"]

    run(tmp_path, steps)


def test_captured_and_queued_mail_do_not_touch(tmp_path: Path) -> None:
    """The same id in both, and what is deleted there stays here."""

    async def steps(store: SqliteStore) -> None:
        await store.deliveries.take_over(NOON)
        body = bytes(50_000)
        await asyncio.gather(
            store.put(message("a", body=b"captured" * 9000)),
            store.deliveries.put(mail("a", body=body), [planned()]),
            store.put(message("b")),
            store.deliveries.put(mail("b"), [planned()]),
        )
        assert await store.count() == 2
        await store.delete(None)
        assert len(await store.deliveries.list()) == 2
        assert b"".join((await store.deliveries.body("a")).chunks()) == body

    run(tmp_path, steps)


def test_bodies_move_out_of_sparse_segments(tmp_path: Path) -> None:
    given = StoreSettings(reserve=0, segment=100_000, upkeep=0.02)
    content = {f"m{number}": bytes([number]) * 20_000 for number in range(20)}

    async def steps(store: SqliteStore) -> None:
        queue = store.deliveries
        await queue.take_over(NOON)
        leases = {}
        for name, body in content.items():
            [leases[name]] = await queue.put(mail(name, body=body), [planned()])
        for name in [each for each in content if each not in ("m0", "m19")]:
            await queue.settle(leases[name], settlement("delivered"), datetime.now(UTC))
        files: list[str] = []
        for _ in range(3_000):
            files = sorted(each.name for each in (tmp_path / "segments").iterdir())
            if "00000001" not in files and len(files) <= 2:
                break
            await asyncio.sleep(0.01)
        else:
            pytest.fail(f"the segments stay: {files}")
        for name in ("m0", "m19"):
            assert b"".join((await queue.body(name)).chunks()) == content[name]

    run(tmp_path, steps, given)


@pytest.mark.parametrize(
    ("history", "kept"),
    [
        (History(timedelta(days=36_500), 2), {"c", "d"}),
        (History(timedelta(days=1)), {"d"}),
        (History(), {"a", "b", "c", "d"}),
    ],
)
def test_history_is_bounded(tmp_path: Path, history: History, kept: set[str]) -> None:
    async def steps(store: SqliteStore) -> None:
        queue = store.deliveries
        await queue.take_over(NOON)
        for age, name in ((5, "a"), (4, "b"), (3, "c"), (0, "d")):
            [lease] = await queue.put(mail(name), [planned()])
            at = datetime.now(UTC) - timedelta(days=age)
            await queue.settle(lease, settlement("delivered"), at)
        for _ in range(3_000):
            left = {each for each in "abcd" if await queue.find(each)}
            if left == kept:
                break
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        assert {each for each in "abcd" if await queue.find(each)} == kept

    run(tmp_path, steps, StoreSettings(reserve=0, upkeep=0.02, history=history))


def test_notes_are_deleted_as_fast_as_they_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are: each delivery may write some."""
    some = [Note("accepted out", str(each), "", LONG_AGO) for each in range(3 * EXPIRED)]
    pauses: list[float] = []
    upkeep = SqliteStore._upkeep

    def count_pauses(store: SqliteStore) -> float:
        pauses.append(upkeep(store))
        return pauses[-1]

    monkeypatch.setattr(SqliteStore, "_upkeep", count_pauses)

    async def steps(store: SqliteStore) -> None:
        await store.notes.put(some)
        for _ in range(3_000):
            if await store.notes.find("accepted out", [each.key for each in some]) is None:
                break
            await asyncio.sleep(0.01)

    run(tmp_path, steps, StoreSettings(reserve=0, upkeep=0.02))
    assert pauses.count(0.0) == 3


def test_a_body_that_goes_is_not_written_once_more(tmp_path: Path) -> None:
    """Whatever SQLite was built to do with the pages of what is deleted."""
    count, log = 100, tmp_path / "store.db-wal"

    async def steps(store: SqliteStore) -> None:
        queue = store.deliveries
        await queue.take_over(NOON)
        body = bytes(SETTINGS.inline)
        puts = [queue.put(mail(f"m{each}", body=body), [planned()]) for each in range(count)]
        leases = [lease for [lease] in await asyncio.gather(*puts)]
        size = log.stat().st_size
        await asyncio.gather(
            *[queue.settle(each, settlement("delivered"), NOON) for each in leases]
        )
        assert log.stat().st_size - size < count * len(body) / 2

    run(tmp_path, steps)


def test_a_full_disk_takes_no_mail_and_settles_what_is_there(tmp_path: Path) -> None:
    async def before(store: SqliteStore) -> None:
        await store.deliveries.take_over(NOON)
        await store.deliveries.put(mail("a"), [planned()], leased=False)

    async def full(store: SqliteStore) -> None:
        queue = store.deliveries
        await queue.take_over(NOON)
        with pytest.raises(QueueFull):
            await queue.put(mail("b"), [planned()])
        [lease] = await queue.lease(NOON, 9)
        await queue.settle(lease, settlement("delivered"), NOON)

    run(tmp_path, before)
    run(tmp_path, full, StoreSettings(reserve=0, watermark=1 << 60))


class CountingDisk(Disk):
    """Counts what SQLite does, a thousand steps of its machine at a time."""

    thousands = 0

    def connect(self, path: Path, *, read_only: bool = False) -> sqlite3.Connection:
        connection = super().connect(path, read_only=read_only)
        connection.set_progress_handler(self._count, 1000)
        return connection

    def _count(self) -> None:
        self.thousands += 1


def test_many_waiting_deliveries_cost_little(tmp_path: Path) -> None:
    """Thousands for a dead next hop: leases of another one do not look at them."""
    count, rounds, disk = 5_000, 20, CountingDisk()

    async def nothing(_store: SqliteStore) -> None:
        pass

    run(tmp_path, nothing)
    connection = sqlite3.connect(tmp_path / "store.db")
    dead = planned(hop=NextHop("dead"))
    delivery = planned_delivery("x", 0, dead)
    rows = [delivery_row(seq, 0, delivery, None) for seq in range(1, count + 1)]
    connection.executemany(SQL["insert_delivery"], rows)
    messages = [
        message_row(seq, mail(f"x{seq}"), BodyPlace(0, 0, 0, 0)) for seq in range(1, count + 1)
    ]
    connection.executemany(SQL["insert_message"], messages)
    connection.execute(SQL["put_hop"], ("dead", 0))
    connection.commit()
    connection.close()

    async def steps(store: SqliteStore) -> None:
        queue = store.deliveries
        await queue.take_over(NOON)
        await queue.put(mail("first"), [planned()], leased=False)
        before = disk.thousands
        for number in range(rounds):
            await queue.put(mail(f"m{number}"), [planned()], leased=False)
            [lease, *_] = await queue.lease(NOON, 1, {"dead"})
            await queue.settle(lease, settlement("delivered"), NOON)
            assert await queue.next_due({"dead"}) is not None
        assert disk.thousands - before < rounds * count / 1000, "one look at all takes more"
        assert (await queue.count())["dead"].waiting == count

    run(tmp_path, steps, replace(SETTINGS, disk=disk))
