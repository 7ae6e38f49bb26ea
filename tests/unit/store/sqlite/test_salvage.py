"""A damaged file: its readable rows are copied into a new one, and no id repeats."""

import asyncio
import atexit
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from gatepost.errors import QueueError, Unreadable
from gatepost.queue.deliveries_contract import QueueSelection
from gatepost.queue.mailbox_contract import MailboxEntry
from gatepost.queue.why import why
from gatepost.store.sqlite import StoreSettings, open_store
from gatepost.store.sqlite.damage import damage as damaged
from gatepost.store.sqlite.group_writes import PAGE
from gatepost.store.sqlite.recovery import ASIDE, mark_failed
from gatepost.store.sqlite.salvage import EPOCH_LEAP
from tests.contract.messages import BODY, NOON, message
from tests.contract.queued import planned

SETTINGS = StoreSettings(reserve=0)
NUMBER = 250


def fill(directory: Path) -> None:
    """Captured mail, and mail on its way, each over many pages."""
    shutil.copytree(filled(), directory, dirs_exist_ok=True)


@cache
def filled() -> Path:
    """Return a directory with that, which is made once."""
    place = tempfile.TemporaryDirectory(prefix="gatepost-filled-")
    atexit.register(place.cleanup)
    directory = Path(place.name)

    async def steps() -> None:
        await store.new_epoch()
        await store.deliveries.take_over(NOON)
        for n in range(NUMBER):
            await asyncio.gather(
                store.put(message(f"1-{n}", subject=f"captured {n}.", trace=b"t" * 300)),
                store.deliveries.put(
                    message(f"1-{n + NUMBER}", subject=f"queued {n}.", trace=b"t" * 300),
                    [planned()], leased=False,
                ),
            )  # fmt: skip

    store = open_store(directory, SETTINGS)
    asyncio.run(steps())
    store.close()
    return directory


def damage(directory: Path, *words: bytes) -> int:
    """Overwrite the page where each of the words stands; how many pages that are."""
    file = directory / "store.db"
    octets = bytearray(file.read_bytes())
    pages = {octets.index(word) // PAGE for word in words}
    for page in pages:
        octets[page * PAGE : (page + 1) * PAGE] = b"\xa5" * PAGE
    file.write_bytes(octets)
    return len(pages)


def read(directory: Path) -> tuple[str, set[str], int, int]:
    """What was carried over, captured ids, deliveries on their way, and the next epoch."""

    async def steps() -> tuple[str, set[str], int, int]:
        captured = {each.id for each in await store.list()}
        waiting = sum(each.waiting for each in (await store.deliveries.count()).values())
        return store.recovered, captured, waiting, await store.new_epoch()

    store = open_store(directory, SETTINGS)
    try:
        return asyncio.run(steps())
    finally:
        store.close()


def test_rows_around_the_damage_are_recovered(tmp_path: Path) -> None:
    fill(tmp_path)
    pages = damage(
        tmp_path,
        b"captured 50.",
        b"captured 100.",
        b"captured 150.",
        b"queued 100.",
        b"queued 200.",
    )
    assert pages == 5
    mark_failed(tmp_path, "somebody read the damage")
    told, captured, waiting, epoch = read(tmp_path)
    assert told.startswith("the store was damaged (")
    assert ASIDE in told
    lost = 3 * PAGE // 300
    assert NUMBER - lost <= len(captured) < NUMBER
    assert {"1-0", "1-75", "1-125", f"1-{NUMBER - 1}"} <= captured
    assert NUMBER - lost <= waiting < NUMBER
    assert epoch == 3
    assert (tmp_path / ASIDE).stat().st_mode & 0o077 == 0
    again = read(tmp_path)
    assert again == ("", captured, waiting, 4)


def test_foreign_indexes_are_no_damage(tmp_path: Path) -> None:
    fill(tmp_path)
    connection = sqlite3.connect(tmp_path / "store.db")
    connection.execute("CREATE INDEX mine ON queue_messages (mail_from)")
    connection.execute("ANALYZE")
    connection.commit()
    connection.close()
    told, captured, waiting, _ = read(tmp_path)
    assert (told, len(captured), waiting) == ("", NUMBER, NUMBER)


def test_damage_that_is_met_at_the_start_is_mended_at_once(tmp_path: Path) -> None:
    fill(tmp_path)
    connection = sqlite3.connect(tmp_path / "store.db")
    [root] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'counters'")
    connection.close()
    octets = bytearray((tmp_path / "store.db").read_bytes())
    octets[(root[0] - 1) * PAGE : root[0] * PAGE] = b"\xa5" * PAGE
    (tmp_path / "store.db").write_bytes(octets)
    told, captured, waiting, epoch = read(tmp_path)
    assert told
    assert (len(captured), waiting) == (NUMBER, NUMBER)
    assert epoch > 1 + EPOCH_LEAP, "the counter was lost, and no id may come twice"


def test_damage_that_a_reader_meets_ends_the_relay_and_the_next_start_mends_it(
    tmp_path: Path,
) -> None:
    fill(tmp_path)
    damage(tmp_path, b"captured 100.")
    failures: list[QueueError] = []
    store = open_store(tmp_path, StoreSettings(reserve=0, looked_through=0), failures.append)
    with pytest.raises(Unreadable):
        asyncio.run(store.list())
    store.close()
    assert len(failures) == 1
    told, captured, *_ = read(tmp_path)
    assert told
    assert len(captured) > NUMBER - PAGE // 300


def test_damage_with_an_undecodable_error_message_is_repaired(tmp_path: Path) -> None:
    fill(tmp_path)
    error = damaged("row 1 missing from index queue_\udca5")
    mark_failed(tmp_path, str(error), error)
    told, captured, waiting, _ = read(tmp_path)
    assert told.encode()
    assert (len(captured), waiting) == (NUMBER, NUMBER)


def cut(octets: bytes) -> bytes:
    return octets[: len(octets) * 3 // 4]


HEADS: list[Callable[[bytes], bytes]] = [
    lambda octets: b"\xa5" * 100 + octets[100:],
    lambda octets: bytes(PAGE) + octets[PAGE:],
    lambda octets: octets.replace(b"TABLE queue_messages", b"TABLE queue_\xa5\xa5\xa5sages"),
    lambda octets: octets.replace(b"queue_messages", b"queue_\xa5\xa5\xa5sages"),
    lambda octets: octets.replace(b"mail_from   TEXT", b"mail_frum   TEXT"),
    lambda octets: octets.replace(b"INTEGER PRIMARY KEY,  -- the", b"INTEGEQ PRIMARY KEY,  -- the"),
    cut,
]  # fmt: skip


@pytest.mark.parametrize(
    "spoil", HEADS, ids=["header", "first page", "schema", "no text", "column", "key", "cut"]
)
def test_without_its_schema_a_file_is_read_by_what_is_known_of_it(
    tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    fill(tmp_path)
    file = tmp_path / "store.db"
    file.write_bytes(spoil(file.read_bytes()))
    told, captured, waiting, epoch = read(tmp_path)
    assert ASIDE in told
    assert (len(captured), waiting) == (NUMBER, NUMBER) or (spoil is cut and len(captured) > 100)
    assert epoch == 3
    again = read(tmp_path)
    assert again == ("", captured, waiting, 4)
    assert {each.name for each in tmp_path.iterdir()} >= {"store.db", "store.layout"}
    assert not list(tmp_path.glob("*mended*"))


def test_commits_in_the_log_are_recovered_without_a_schema(tmp_path: Path) -> None:
    """As after a kill."""
    fill(tmp_path / "a")
    connection = sqlite3.connect(tmp_path / "a/store.db")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute("DELETE FROM messages WHERE seq % 2")
    connection.commit()
    (tmp_path / "b").mkdir()
    for name in ("store.db", "store.db-wal", "store.layout"):
        (tmp_path / "b" / name).write_bytes((tmp_path / "a" / name).read_bytes())
    connection.close()
    with (tmp_path / "b/store.db").open("r+b") as file:
        file.write(b"\xa5" * 100)
    told, captured, waiting, _ = read(tmp_path / "b")
    assert ASIDE in told
    assert (len(captured), waiting) == (NUMBER // 2, NUMBER)


def test_the_layout_is_renewed_for_a_replaced_file(tmp_path: Path) -> None:
    """Somebody put another one there, whose tables begin elsewhere."""
    fill(tmp_path)
    old = sqlite3.connect(tmp_path / "store.db")
    old.execute("VACUUM INTO ?", (str(tmp_path / "other.db"),))
    old.close()
    (tmp_path / "other.db").replace(tmp_path / "store.db")
    before = (tmp_path / "store.layout").read_bytes()
    assert read(tmp_path)[0] == ""
    assert (tmp_path / "store.layout").read_bytes() != before
    with (tmp_path / "store.db").open("r+b") as file:
        file.write(b"\xa5" * 100)
    told, captured, waiting, _ = read(tmp_path)
    assert ASIDE in told
    assert (len(captured), waiting) == (NUMBER, NUMBER)


def test_without_any_word_of_its_schema_rows_are_known_by_their_form(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "store.layout").unlink()
    octets = bytearray((tmp_path / "store.db").read_bytes())
    octets[:PAGE] = bytes(PAGE)
    (tmp_path / "store.db").write_bytes(octets)
    told, captured, waiting, epoch = read(tmp_path)
    assert "0 of 16 tables are whole" in told
    assert (len(captured), waiting) == (NUMBER, NUMBER)
    assert epoch > EPOCH_LEAP


def test_an_unreadable_file_is_an_error_and_unchanged(tmp_path: Path) -> None:
    octets = b"\xa5" * 10 * PAGE
    (tmp_path / "store.db").write_bytes(octets)
    for _ in range(2):
        with pytest.raises(Unreadable, match="nothing can be read"):
            open_store(tmp_path, SETTINGS)
    assert (tmp_path / "store.db").read_bytes() == octets


TREES = ["messages", "bodies", "queue_messages", "queue_bodies", "queue_deliveries"]


@pytest.mark.parametrize("tree", TREES)
def test_below_a_damaged_root_the_rows_are_found(tmp_path: Path, tree: str) -> None:
    fill(tmp_path)
    file = tmp_path / "store.db"
    connection = sqlite3.connect(file)
    [[root]] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (tree,))
    connection.close()
    octets = bytearray(file.read_bytes())
    inner = octets[(root - 1) * PAGE : root * PAGE]
    assert inner[0] in (2, 5)
    octets[(root - 1) * PAGE : root * PAGE] = bytes(PAGE)
    file.write_bytes(octets)
    on_the_root = int.from_bytes(inner[3:5]) if inner[0] == 2 else 0  # rows that stood there
    assert on_the_root < 10
    told, captured, waiting, _ = read(tmp_path)
    assert f"15 of 16 tables are whole ({tree} may have lost rows), " in told
    assert "\n" not in told, "SQLite's text has lines"
    assert ("all of them whole" in told) == (on_the_root == 0)
    assert (len(captured), waiting) == (NUMBER, NUMBER - on_the_root)
    store = open_store(tmp_path, SETTINGS)

    async def steps() -> None:
        held = await store.deliveries.list(QueueSelection(states=("held",)))
        assert [each.waiting for each in held] == [()] * on_the_root
        assert all(each.message in told for each in held)
        for n in range(NUMBER):
            for body in (store.body(f"1-{n}"), store.deliveries.body(f"1-{n + NUMBER}")):
                assert b"".join((await body).chunks()) == BODY

    asyncio.run(steps())
    store.close()


def test_a_damaged_row_delays_no_other_mail(tmp_path: Path) -> None:
    fill(tmp_path)
    connection = sqlite3.connect(tmp_path / "store.db")
    connection.execute("UPDATE queue_deliveries SET addressees = '[\"x' WHERE message = 1")
    damaged = "CAST(X'5BA522' AS TEXT)"
    connection.execute(f"UPDATE queue_deliveries SET addressees = {damaged} WHERE message = 2")
    connection.execute("UPDATE queue_messages SET parameters = '{\"x' WHERE seq = 3")
    connection.commit()
    connection.close()
    store = open_store(tmp_path, SETTINGS)

    async def steps() -> None:
        deliveries = store.deliveries
        epoch = await deliveries.take_over(NOON)
        leases = await deliveries.lease(NOON, NUMBER)
        states = [each.delivery.state for each in leases]
        assert (epoch, states.count("leased"), states.count("held")) == (3, NUMBER - 2, 2)
        assert not await deliveries.lease(NOON, NUMBER), "it is told of once"
        held = await deliveries.list(QueueSelection(states=("held",)))
        assert [each.waiting for each in held] == [(), ()]
        assert "can only be dropped" in why(held[0], NOON).sentence
        assert await deliveries.act("drop", [each.id for each in held], NOON) == 2

    asyncio.run(steps())
    store.close()


def test_entries_of_the_mailbox_that_are_lost_are_made_again(tmp_path: Path) -> None:
    async def index() -> None:
        await asyncio.gather(*[store.put(message(f"1-{n}")) for n in range(NUMBER)])
        unread = await store.mailbox.read_on(NUMBER)
        entries = [
            MailboxEntry(
                each.seq, each.message.id, NOON, 1, "{}",
                {"subject": f"subject {each.seq}.", "words": f"words {each.seq}." * 20},
                is_read=True,
            )
            for each in unread
        ]  # fmt: skip
        await store.mailbox.record(NUMBER, entries)

    async def steps() -> tuple[int, int, int]:
        left = (await store.mailbox.count()).messages
        return left, await store.mailbox.cursor(), len(await store.mailbox.read_on(NUMBER))

    store = open_store(tmp_path, SETTINGS)
    asyncio.run(index())
    store.close()
    damage(tmp_path, b"subject 100.", b"words 200.")
    mark_failed(tmp_path, "somebody read the damage")
    store = open_store(tmp_path, SETTINGS)
    left, cursor, behind = asyncio.run(steps())
    store.close()
    assert 100 < left < NUMBER
    assert cursor < 100
    assert behind == NUMBER - left
