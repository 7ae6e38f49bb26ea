"""A damaged file: what can be read of it is carried into a new one, and no id comes twice."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from gatepost.errors import QueueError, Unreadable
from gatepost.store.sqlite import Settings, open_store
from gatepost.store.sqlite.commit import PAGE
from gatepost.store.sqlite.recovery import ASIDE, mark_failed
from gatepost.store.sqlite.salvage import EPOCH_LEAP
from tests.contract.messages import NOON, message
from tests.contract.queued import planned

SETTINGS = Settings(reserve=0)
NUMBER = 250


def fill(directory: Path) -> None:
    """Captured mail, and mail on its way, each over many pages."""

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


def test_what_lies_around_the_damage_is_carried_over(tmp_path: Path) -> None:
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
    assert epoch == 1 + EPOCH_LEAP + 1, "the counter was lost, and no id may come twice"


def test_damage_that_a_reader_meets_ends_the_relay_and_the_next_start_mends_it(
    tmp_path: Path,
) -> None:
    fill(tmp_path)
    damage(tmp_path, b"captured 100.")
    failures: list[QueueError] = []
    store = open_store(tmp_path, SETTINGS, failures.append)
    with pytest.raises(Unreadable):
        asyncio.run(store.list())
    store.close()
    assert len(failures) == 1
    told, captured, *_ = read(tmp_path)
    assert told
    assert len(captured) > NUMBER - PAGE // 300


def test_of_a_file_that_says_nothing_nothing_is_made(tmp_path: Path) -> None:
    fill(tmp_path)
    octets = bytearray((tmp_path / "store.db").read_bytes())
    octets[: 2 * PAGE] = bytes(2 * PAGE)
    (tmp_path / "store.db").write_bytes(octets)
    for _ in range(2):
        with pytest.raises(Unreadable, match="nothing can be read"):
            open_store(tmp_path, SETTINGS)
    assert (tmp_path / "store.db").read_bytes() == bytes(octets)
