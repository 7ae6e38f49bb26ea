"""Automatic upkeep of the store: retention, and the space of deleted bodies."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gatepost.store.sqlite import Retention, SqliteStore, StoreSettings, open_store
from tests.contract.messages import message

PATIENCE = 60.0
FOREVER = timedelta(days=36_500)
LARGE = 20_000


def run(
    directory: Path, retention: Retention, steps: Callable[[SqliteStore], Awaitable[None]]
) -> None:
    async def main() -> None:
        given = StoreSettings(retention=retention, upkeep=0.02, segment=100_000, reserve=0)
        store = open_store(directory, given)
        try:
            await asyncio.wait_for(steps(store), 2 * PATIENCE)
        finally:
            store.close()

    asyncio.run(main())


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(int(PATIENCE / 0.01)):
        if await condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not happen")


def ages(*days: float) -> list[datetime]:
    return [datetime.now(UTC) - timedelta(days=each) for each in days]


RETENTIONS = [
    (Retention(messages=2, age=FOREVER), ["d", "c"]),
    (Retention(octets=2 * LARGE + 10, age=FOREVER), ["d", "c"]),
    (Retention(age=timedelta(days=2.5)), ["d", "c"]),
    (Retention(messages=0, age=FOREVER), []),
    (Retention(), ["d", "c", "b", "a"]),
]


@pytest.mark.parametrize(("retention", "expected"), RETENTIONS)
def test_the_oldest_go_first(tmp_path: Path, retention: Retention, expected: list[str]) -> None:
    async def steps(store: SqliteStore) -> None:
        times = ages(4, 3, 2, 1)
        for name, time in zip("abcd", times, strict=True):
            await store.put(message(name, bytes(LARGE), received_at=time))

        async def is_done() -> bool:
            return await store.count() == len(expected)

        await until(is_done)
        await asyncio.sleep(0.05)
        assert [each.id for each in await store.list()] == expected

    run(tmp_path, retention, steps)


def test_many_expire_in_batches(tmp_path: Path) -> None:
    async def steps(store: SqliteStore) -> None:
        puts = [store.put(message(f"m{number}")) for number in range(1500)]
        await asyncio.gather(*puts)

        async def is_done() -> bool:
            return await store.count() == 7

        await until(is_done)
        assert len(await store.list()) == 7

    run(tmp_path, Retention(messages=7, age=FOREVER), steps)


def segments(directory: Path) -> list[str]:
    return sorted(each.name for each in (directory / "segments").iterdir())


def test_dead_segments_are_removed(tmp_path: Path) -> None:
    async def steps(store: SqliteStore) -> None:
        for number in range(12):  # five in a segment
            await store.put(message(f"m{number}", bytes(LARGE)))
        assert segments(tmp_path) == ["00000001", "00000002", "00000003"]
        await store.delete([f"m{number}" for number in range(5)])

        async def is_done() -> bool:
            return segments(tmp_path) == ["00000002", "00000003"]

        await until(is_done)
        await store.delete(None)

        async def is_empty() -> bool:
            return segments(tmp_path) == ["00000003"]

        await until(is_empty)
        await store.put(message("after", bytes(LARGE)))

    run(tmp_path, Retention(age=FOREVER), steps)


def test_the_last_bodies_of_a_sparse_segment_move_on(tmp_path: Path) -> None:
    bodies = {f"m{number}": bytes([number]) * LARGE for number in range(12)}

    async def steps(store: SqliteStore) -> None:
        for name, body in bodies.items():
            await store.put(message(name, body))
        held = await store.body("m3")
        await store.delete([name for name in bodies if name not in ("m3", "m11")])

        async def is_done() -> bool:
            return segments(tmp_path) == ["00000003"]

        await until(is_done)
        assert b"".join(held.chunks()) == bodies["m3"], "who holds a body can go on reading"
        for name in ("m3", "m11"):
            assert b"".join((await store.body(name)).chunks()) == bodies[name]

    run(tmp_path, Retention(age=FOREVER), steps)


def test_segments_are_gone_on_after_a_restart(tmp_path: Path) -> None:
    async def first(store: SqliteStore) -> None:
        await store.put(message("a", b"a" * LARGE))

    async def second(store: SqliteStore) -> None:
        await store.put(message("b", b"b" * LARGE))
        assert segments(tmp_path) == ["00000001"]
        for name in "ab":
            assert b"".join((await store.body(name)).chunks()) == name.encode() * LARGE

    run(tmp_path, Retention(age=FOREVER), first)
    with (tmp_path / "segments" / "00000001").open("ab") as segment:
        segment.write(b"a torn tail, written before the power went")
    run(tmp_path, Retention(age=FOREVER), second)


def test_collecting_under_load_loses_nothing(tmp_path: Path) -> None:
    """Bodies are being written into segments while earlier segments are emptied."""

    async def steps(store: SqliteStore) -> None:
        kept = {}
        for turn in range(30):
            names = [f"{turn}-{number}" for number in range(6)]
            bodies = {name: name.encode() * (LARGE // 4) for name in names}
            await asyncio.gather(*[store.put(message(name, bodies[name])) for name in names])
            await store.delete(names[1:])
            kept[names[0]] = bodies[names[0]]
            await asyncio.sleep(0.01)
        for name, body in kept.items():
            assert b"".join((await store.body(name)).chunks()) == body
        written = 30 * 6 * LARGE

        async def is_smaller() -> bool:
            return sum(s.stat().st_size for s in (tmp_path / "segments").iterdir()) < written / 2

        await until(is_smaller)  # the collector comes when it is its turn

    run(tmp_path, Retention(age=FOREVER), steps)
