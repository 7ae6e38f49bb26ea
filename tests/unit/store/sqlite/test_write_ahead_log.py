"""Damage in the write-ahead log: SQLite takes it for the end, but later frames are recovered."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gatepost.store.sqlite import StoreSettings, open_store
from gatepost.store.sqlite.close_marker import _BOOT, UNCLOSED
from gatepost.store.sqlite.group_writes import PAGE
from gatepost.store.sqlite.write_ahead_log import read_log
from tests.contract.messages import NOON, message
from tests.contract.queued import planned

SETTINGS = StoreSettings(reserve=0)
NUMBER = 60
HEAD, STRIDE = 32, 24 + PAGE


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store as a kill leaves it: what was accepted is in the log."""
    living, left = tmp_path_factory.mktemp("living"), tmp_path_factory.mktemp("left")

    async def steps() -> None:
        await store.new_epoch()
        await store.deliveries.take_over(NOON)
        for n in range(NUMBER):
            sent = message(f"1-{n}", b"%d" % n * 200)
            await store.deliveries.put(sent, [planned()], leased=False)

    store = open_store(living, SETTINGS)
    asyncio.run(steps())
    for name in ("store.db", "store.db-wal", "store.layout"):
        shutil.copyfile(living / name, left / name)
    store.close()
    return left


def spoiled(killed: Path, directory: Path, *places: tuple[int, int]) -> Path:
    """A copy of a store in whose log octets are spoiled, as (place, number)."""
    for each in killed.iterdir():
        shutil.copyfile(each, directory / each.name)
    log = directory / "store.db-wal"
    octets = bytearray(log.read_bytes())
    for place, number in places:
        octets[place : place + number] = b"\xa5" * number
    log.write_bytes(octets)
    return directory


def opened(directory: Path) -> tuple[str, list[str]]:
    """What is said of a recovery, and the messages that can be sent."""

    async def steps() -> list[str]:
        await store.deliveries.take_over(NOON)
        leases = await store.deliveries.lease(NOON, 2 * NUMBER)
        for each in leases:
            body = await store.deliveries.body(each.message.id)
            assert b"".join(body.chunks()) == each.message.id[2:].encode() * 200
        return [each.message.id for each in leases]

    store = open_store(directory, SETTINGS)
    try:
        return store.recovered, asyncio.run(steps())
    finally:
        store.close()


def frame(number: int) -> int:
    return HEAD + number * STRIDE


def frames(directory: Path) -> int:
    return ((directory / "store.db-wal").stat().st_size - HEAD) // STRIDE


def test_a_whole_log_is_no_damage(killed: Path, tmp_path: Path) -> None:
    assert frames(killed) > 4 * NUMBER
    told, ids = opened(spoiled(killed, tmp_path))
    assert (told, len(ids)) == ("", NUMBER)


PLACES: list[Callable[[int], tuple[int, int]]] = [
    lambda _: (0, HEAD),
    lambda _: (8, 4),
    lambda _: (0, PAGE),
    lambda _: (0, 2 * PAGE),
    lambda _: (frame(0), STRIDE),
    lambda count: (frame(count // 2), 24),
    lambda count: (frame(count // 2) + 24, PAGE),
    lambda count: (frame(count // 3) + 2_000, 1),
    lambda count: (frame(count // 3), 3 * STRIDE),
]


@pytest.mark.parametrize("place", PLACES)
def test_frames_behind_a_damaged_one_are_recovered(
    killed: Path, tmp_path: Path, place: Callable[[int], tuple[int, int]]
) -> None:
    """Nearly every page that is spoiled has a newer version further on."""
    told, ids = opened(spoiled(killed, tmp_path, place(frames(killed))))
    assert "the write-ahead log is damaged" in told
    assert len(ids) >= NUMBER - 1
    assert len(set(ids)) == len(ids)
    assert opened(tmp_path)[0] == ""


def test_a_log_without_a_database_is_recovered(killed: Path, tmp_path: Path) -> None:
    spoiled(killed, tmp_path)
    (tmp_path / "store.db").unlink()
    told, ids = opened(tmp_path)
    assert "only the write-ahead log is left" in told
    assert len(ids) == NUMBER


@pytest.mark.parametrize("torn", [1, 2, 3])
def test_a_commit_that_a_power_cut_tore_is_no_damage(
    killed: Path, tmp_path: Path, torn: int
) -> None:
    """Nobody was told that it was there; any of its frames may be missing."""
    told, ids = opened(spoiled(killed, tmp_path, (frame(frames(killed) - torn), STRIDE)))
    assert told == ""
    assert len(ids) >= NUMBER - 1


@pytest.mark.skipif(not _BOOT.exists(), reason="the machine does not say when it started")
@pytest.mark.parametrize(("torn", "is_damaged"), [(1, False), (2, True), (3, True)])
def test_without_a_power_cut_a_kill_tears_the_last_frame_alone(
    killed: Path, tmp_path: Path, torn: int, is_damaged: bool
) -> None:
    spoiled(killed, tmp_path, (frame(frames(killed) - torn) + 24, PAGE))
    (tmp_path / UNCLOSED).write_text(f"0 {_BOOT.read_text('ascii')}")
    told, ids = opened(tmp_path)
    assert ("the write-ahead log is damaged" in told) == is_damaged
    assert len(ids) >= NUMBER - 1


def test_old_frames_of_a_restarted_log_are_no_damage(tmp_path: Path) -> None:
    store = open_store(tmp_path, SETTINGS)

    async def steps() -> None:
        for n in range(NUMBER):
            await store.put(message(f"1-{n}"))
        store._files.committer.move_wal("RESTART")
        await store.put(message("1-last"))

    asyncio.run(steps())
    log = read_log(tmp_path / "store.db")
    assert not log.is_damaged
    assert 0 < len(log.offsets) < frames(tmp_path)
    assert log.offsets == log.whole
    store.close()
