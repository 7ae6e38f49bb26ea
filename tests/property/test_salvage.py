"""Whatever damages the pages of a store, all rows that can still be read are recovered."""

import asyncio
import random
import re
import sqlite3
import struct
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.errors import Unreadable
from gatepost.model.address import Address
from gatepost.model.envelope import Recipient
from gatepost.store.sqlite import StoreSettings, open_store
from gatepost.store.sqlite.durable_calls import Disk
from gatepost.store.sqlite.group_writes import PAGE
from gatepost.store.sqlite.root_pages import known_roots
from gatepost.store.sqlite.salvage import salvage
from tests.contract.messages import NOON, message
from tests.contract.queued import DAY, planned, settlement
from tests.examples import examples

NUMBER, FORGOTTEN = 120, 40
SIZES = [200, 1_500, 5_900]


def marks(number: int) -> tuple[bytes, bytes, bytes]:
    """Return what every page has that belongs to a message, its body or its delivery."""
    return b"m%05d;" % number, b"b%05d;" % number, b"d%05d@" % number


def content(number: int) -> bytes:
    return marks(number)[1] * (SIZES[number % len(SIZES)] // 7)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Yield a store with mail of all sizes in its queue."""
    directory = tmp_path_factory.mktemp("sound")

    async def steps() -> None:
        await store.deliveries.take_over(NOON)
        for number in range(NUMBER + FORGOTTEN):
            trace, _, local = marks(number)
            sent = message(f"1-{number}", content(number), trace=trace * 20)
            to = Recipient(Address(local[:-1].decode(), "example.net"))
            is_kept = number < NUMBER
            leases = await store.deliveries.put(sent, [planned([to])], leased=not is_kept)
            for each in leases:
                await store.deliveries.settle(each, settlement("delivered"), NOON)
        assert await store.deliveries.forget(NOON + DAY) == FORGOTTEN

    store = open_store(directory, StoreSettings(reserve=0))
    asyncio.run(steps())
    store.close()
    return directory


def spoil(octets: bytearray, page: int, how: str) -> None:
    start = page * PAGE
    if how == "zeros":
        octets[start : start + PAGE] = bytes(PAGE)
    elif how == "sector":
        octets[start + 512 : start + 1024] = bytes(512)
    elif how == "noise":
        octets[start : start + PAGE] = random.Random(page).randbytes(PAGE)
    elif how == "head":
        octets[start : start + 16] = bytes([13, 0, 0, 255, 255, 0, 16, 0, *range(8)])
    else:  # what belongs elsewhere
        octets[start : start + PAGE] = octets[: len(octets) // 2][-PAGE:]


@lru_cache(1)
def places(octets: bytes) -> list[list[set[int]]]:
    """Return the pages of each message, its body and its delivery."""
    return [[pages_with(octets, mark) for mark in marks(number)] for number in range(NUMBER)]


def pages_with(octets: bytes, mark: bytes) -> set[int]:
    pages, at = set(), octets.find(mark)
    while at >= 0:
        pages.add(at // PAGE)
        at = octets.find(mark, at + 1)
    return pages


damages = st.lists(
    st.tuples(
        st.integers(0, 10_000), st.sampled_from(["zeros", "sector", "noise", "head", "misplaced"])
    ),
    max_size=12,
)


@settings(max_examples=examples(20), deadline=None)
@given(damages, st.none() | st.floats(0.3, 1))
def test_rows_on_sound_pages_are_recovered(
    sound: Path, damage: list[tuple[int, str]], kept: float | None
) -> None:
    octets = bytearray((sound / "store.db").read_bytes())
    before, count = bytes(octets), len(octets) // PAGE
    [trunk] = struct.unpack_from(">I", before, 32)
    assert trunk, "there are free pages, with what was forgotten"
    spoiled = {page % count for page, _ in damage}
    if kept is not None:
        spoiled |= set(range(int(len(octets) * kept) // PAGE, count))
    is_free_known = {0, trunk - 1}.isdisjoint(spoiled)
    for page, how in damage:
        # What a sound page in the wrong place hides is found by what is neither used nor free.
        spoil(octets, page % count, how if is_free_known or how != "misplaced" else "noise")
    if kept is not None:
        del octets[int(len(octets) * kept) :]
    with TemporaryDirectory() as made:
        damaged, goal = Path(made) / "damaged", Path(made) / "goal"
        damaged.write_bytes(octets)
        try:
            salvage(damaged, goal, Disk(), known_roots(sound))
        except Unreadable:
            carried = {}
        else:
            carried = carried_to(goal)
    for number in range(NUMBER):
        sent, body, to = [pages.isdisjoint(spoiled) for pages in places(before)[number]]
        if sent and to and body:
            assert carried[number] == content(number), (damage, kept)
        elif sent:
            assert number in carried, "held, or without its content"
    if is_free_known:
        assert all(number < NUMBER for number in carried)


def carried_to(goal: Path) -> dict[int, bytes]:
    """Return what the new file has, by message; the file must be sound."""
    connection = sqlite3.connect(goal)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = connection.execute(
            "SELECT id, content FROM queue_messages AS m JOIN queue_deliveries ON message = m.seq "
            "LEFT JOIN queue_bodies AS b ON b.seq = m.seq"
        ).fetchall()
    finally:
        connection.close()
    return {int(id_[2:]): body for id_, body in rows if re.fullmatch(r"1-\d+", id_)}
