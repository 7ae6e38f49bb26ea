"""Bodies in segments."""

import errno
import os
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from gatepost.errors import Unreadable
from gatepost.model.body import MANY, WINDOW, BytesBody, Traits
from gatepost.relay.spool import PiecesBody
from gatepost.store.sqlite.durable_calls import Disk
from gatepost.store.sqlite.segments import BodyPlace, Segments
from tests.contract.failing import FailingDisk


@pytest.fixture
def disk() -> FailingDisk:
    return FailingDisk()


@pytest.fixture
def segments(tmp_path: Path, disk: FailingDisk) -> Segments:
    made = Segments(tmp_path / "segments", disk, size=1000)
    made.resume(1, 0)
    return made


def read(segments: Segments, place: BodyPlace) -> bytes:
    return b"".join(segments.open(place).chunks())


def test_bodies_lie_one_behind_the_other(segments: Segments) -> None:
    first, second = segments.append(BytesBody(b"abc")), segments.append(BytesBody(b"de"))
    assert (first.segment, first.offset, first.size) == (1, 0, 3)
    assert (second.segment, second.offset, second.size) == (1, 3, 2)
    assert read(segments, first) + read(segments, second) == b"abcde"


def test_a_checksum_that_is_known_is_not_taken_again(segments: Segments) -> None:
    segments.append(BytesBody(b"abc"))
    known = BytesBody(b"de", Traits(zlib.crc32(b"de"), is_seven_bit=True, is_undotted=False))
    wrong = BytesBody(b"fg", Traits(7, is_seven_bit=True, is_undotted=False))
    places = [segments.allot(each) for each in (known, wrong)]
    segments.sync()
    assert read(segments, places[0]) == b"de"
    with pytest.raises(Unreadable):  # it is not what arrived
        read(segments, places[1])


def test_a_body_shorter_than_announced_shifts_no_other(segments: Segments) -> None:
    short = PiecesBody((b"abc",), 6)
    segments.append(BytesBody(b"first"))
    places = [segments.allot(each) for each in (short, BytesBody(b"de"))]
    segments.sync()
    assert [read(segments, each) for each in places] == [b"abc", b"de"]


@pytest.mark.skipif(not hasattr(os, "RWF_DSYNC"), reason="a call of Linux")
@pytest.mark.parametrize("lack", ["name", "call", "flag", "room"])
def test_without_a_synchronous_write_a_sync_follows_the_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lack: str
) -> None:
    """A C library may lack the flag's name, a system the call (ENOSYS) or the flag (EINVAL in Linux
    before 4.13); and a call may write less than it was given."""

    def pwritev(descriptor: int, chunks: Sequence[bytes], offset: int, flags: int) -> int:
        if lack != "room":
            raise OSError(errno.ENOSYS if lack == "call" else errno.EINVAL, "no")
        return os.pwrite(descriptor, chunks[0][:2], offset)

    if lack == "name":
        monkeypatch.delattr(os, "RWF_DSYNC")
    else:
        monkeypatch.setattr(os, "pwritev", pwritev)
    segments = Segments(tmp_path / "segments", Disk(), size=100_000)
    segments.resume(1, 0)
    segments.append(BytesBody(b"first"))
    segments.sync()
    places = [segments.allot(BytesBody(each)) for each in (b"abc", b"de")]
    segments.sync()
    assert [read(segments, each) for each in places] == [b"abc", b"de"]


@pytest.mark.parametrize("pieces", [1, 3, MANY + 1])
def test_allotted_bodies_are_at_their_places(tmp_path: Path, pieces: int) -> None:
    segments = Segments(tmp_path / "segments", Disk(), size=100_000)
    segments.resume(1, 0)
    first = segments.append(BytesBody(b"first"))
    segments.sync()
    places = [segments.allot(BytesBody(b"%d" % each * 9)) for each in range(pieces)]
    segments.sync()
    assert read(segments, first) == b"first"
    assert [read(segments, each) for each in places] == [b"%d" % each * 9 for each in range(pieces)]
    assert segments.size(1) == 5 + sum(each.size for each in places)


def test_a_full_segment_is_synced_and_followed_by_the_next(
    segments: Segments, disk: FailingDisk
) -> None:
    places = [segments.append(BytesBody(bytes(400))) for _ in range(3)]
    assert [each.segment for each in places] == [1, 1, 2]
    assert disk.syncs == 1
    segments.sync()
    segments.sync()
    assert disk.syncs == 2
    assert segments.numbers() == [1, 2]


def test_a_body_larger_than_a_segment_has_one_of_its_own(segments: Segments) -> None:
    body = bytes(range(256)) * ((2 * WINDOW) // 256 + 3)
    places = [segments.append(BytesBody(each)) for each in (b"a", body, b"b")]
    assert [each.segment for each in places] == [1, 2, 3]
    assert read(segments, places[1]) == body


def test_a_torn_tail_is_cut_off(segments: Segments, tmp_path: Path) -> None:
    kept, _torn = segments.append(BytesBody(b"abc")), segments.append(BytesBody(b"tail" * 20))
    segments.close()
    again = Segments(tmp_path / "segments", FailingDisk())
    again.resume(1, 3)
    after = again.append(BytesBody(b"new"))
    assert after.offset == 3
    assert read(again, kept) + read(again, after) == b"abcnew"
    assert again.size(1) == 6


def test_the_rest_of_a_failed_write_is_overwritten(segments: Segments, disk: FailingDisk) -> None:
    disk.fail("write", FailingDisk.NO_ROOM, times=1)
    with pytest.raises(OSError, match="No space"):
        segments.append(BytesBody(b"lost body"))
    place = segments.append(BytesBody(b"kept"))
    assert place.offset == 0
    assert read(segments, place) == b"kept"


@pytest.mark.parametrize("damage", [b"abX", b"ab"])
def test_damage_is_found_as_the_body_is_read(
    segments: Segments, tmp_path: Path, damage: bytes
) -> None:
    place = segments.append(BytesBody(b"abc"))
    (tmp_path / "segments" / "00000001").write_bytes(damage)
    with pytest.raises(Unreadable, match="damaged"):
        read(segments, place)


def test_an_open_body_outlives_its_segment(segments: Segments) -> None:
    place = segments.append(BytesBody(b"abc"))
    body = segments.open(place)
    segments.remove(1)
    assert b"".join(body.chunks()) == b"abc"
    with pytest.raises(FileNotFoundError):
        segments.open(place)
