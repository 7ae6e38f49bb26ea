"""Content between the wire and the store: pieces, the byte budget, the file beyond it."""

import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.mime.header_summary import MAX_HEADER
from gatepost.relay.spool import OVERHEAD, SMALL, Budget, FileBody, Share, Spool


def content(spool: Spool) -> bytes:
    body = spool.body()
    read = b"".join(body.chunks())
    assert body.size == len(read) == spool.size
    assert b"".join(body.chunks()) == read, "a body can be read again"
    return read


@pytest.mark.parametrize("total", [0, 1, 10, 1_000_000], ids="budget={}".format)
@given(pieces=st.lists(st.binary(max_size=30), max_size=8))
def test_the_content_is_read_as_it_was_written(total: int, pieces: list[bytes]) -> None:
    budget = Budget(Path(tempfile.gettempdir()), total)
    spool = Spool(budget)
    for piece in pieces:
        spool.write(piece)
        assert budget.used <= total
    assert content(spool) == b"".join(pieces)
    assert spool.head == b"".join(pieces), "so short a content is all head"
    spool.release()
    assert budget.used == 0


def test_all_messages_share_one_budget(tmp_path: Path) -> None:
    budget = Budget(tmp_path, 100 + 2 * OVERHEAD)
    first, second, third = Spool(budget), Spool(budget), Spool(budget)
    first.write(b"x" * 60)
    second.write(b"y" * 60)
    third.write(b"z" * 40)
    assert budget.used == 100 + 2 * OVERHEAD
    assert not isinstance(first.body(), FileBody)
    assert isinstance(second.body(), FileBody)
    first.release()
    assert budget.used == 40 + OVERHEAD
    for spool, expected in ((second, b"y" * 60), (third, b"z" * 40)):
        assert content(spool) == expected
        spool.release()
    assert budget.used == 0


def test_a_share_is_a_part_of_the_whole(tmp_path: Path) -> None:
    whole = Budget(tmp_path, 1_000)
    share = Share(whole, 4)
    assert share.try_take(250)
    assert not share.try_take(1)
    assert whole.used == 250
    assert whole.try_take(750)
    share.give_back(250)
    assert whole.try_take(1)
    assert not share.try_take(250), "others have it"


def test_a_message_moved_to_disk_releases_its_memory(tmp_path: Path) -> None:
    budget = Budget(tmp_path, 100 + OVERHEAD)
    spool = Spool(budget)
    spool.write(b"a" * 80)
    spool.write(b"b" * 80)
    assert budget.used == 0
    spool.write(b"c")
    assert budget.used == 0, "what is in the file goes on in the file"
    assert spool.head == b"a" * 80 + b"b" * 80 + b"c"
    spool.write(b"d")
    assert content(spool) == b"a" * 80 + b"b" * 80 + b"cd"
    assert list(tmp_path.iterdir()) == [], "the file has no name"
    spool.release()


SIZES = [
    # sizes of pieces, repeated
    (1,),
    (20,),
    (SMALL - 1,),
    (SMALL,),
    (1, SMALL),
    (65_531,),
    (65_531, 1, 1),
]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_what_is_counted_is_what_pieces_take(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    """Also for a client that sends a message octet by octet."""
    budget = Budget(tmp_path, 1 << 30)
    spools = [Spool(budget) for _ in range(4)]
    rounds = max(1, (200_000 if max(sizes) > 1 else 20_000) // sum(sizes))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(rounds):
        for size in sizes:
            for spool in spools:
                spool.write(bytes(size))
    bodies = [spool.body() for spool in spools]
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert 0.9 * taken < budget.used < 1.5 * taken
    assert {body.size for body in bodies} == {rounds * sum(sizes)}
    for spool in spools:
        spool.release()
    assert budget.used == 0


def test_a_second_release_does_nothing(tmp_path: Path) -> None:
    budget = Budget(tmp_path, 1_000)
    kept, spool = Spool(budget), Spool(budget)
    kept.write(b"k" * 10)
    spool.write(b"s" * 10)
    spool.release()
    spool.release()
    assert budget.used == 10 + OVERHEAD


def test_no_room_anywhere_is_an_os_error(tmp_path: Path) -> None:
    budget = Budget(tmp_path / "missing", 10 + OVERHEAD)
    spool = Spool(budget)
    spool.write(b"x" * 10)
    with pytest.raises(OSError, match="missing"):
        spool.write(b"y")
    spool.release()
    assert budget.used == 0


def test_the_head_is_limited_to_the_maximum_header(tmp_path: Path) -> None:
    spool = Spool(Budget(tmp_path))
    piece = b"h" * 5_000
    for _ in range(2 * MAX_HEADER // len(piece)):
        spool.write(piece)
    assert MAX_HEADER <= len(spool.head) < MAX_HEADER + len(piece)
    spool.release()
