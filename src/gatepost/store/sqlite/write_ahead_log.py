"""The write-ahead log on the disk, including what follows damage.

SQLite considers the first frame with a wrong checksum the end of the log, and ignores what follows
it: https://www.sqlite.org/fileformat2.html 4.
"""

import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from gatepost.store.sqlite.close_marker import is_of_this_boot
from gatepost.store.sqlite.group_writes import PAGE

_HEAD: Final = struct.Struct(">8I")
_FRAME: Final = struct.Struct(">6I")
_MAGIC: Final = 0x377F0682
"""The last bit is set if checksums use big-endian words."""
_STRIDE: Final = _FRAME.size + PAGE

Pair = tuple[int, int]


class Log(NamedTuple):
    """The offsets of the newest versions of pages in a log, by page number."""

    offsets: dict[int, int]
    """What SQLite finds: complete commits before the first damage."""
    whole: dict[int, int]
    """The same, with undamaged frames after it, up to the last commit."""
    is_damaged: bool
    """More follows the damage than a power cut, or a kill, can leave."""


class _Frame(NamedTuple):
    page: int
    place: int
    """Of the page's content in the file."""
    is_commit: bool
    is_whole: bool


def read_log(database: Path) -> Log:
    """Read the log of a database; without a file it is empty. Raises OSError."""
    offsets: dict[int, int] = {}
    whole: dict[int, int] = {}
    pending: dict[int, int] = {}
    is_sound, commits, is_damaged = True, 0, False
    power_was_kept = is_of_this_boot(database.parent)
    for frame in _frames(database.with_name(f"{database.name}-wal")):
        is_sound = is_sound and frame.is_whole
        # A commit is synced before the next one is written, so a power cut can only have torn
        # the last one: frames after the end of a torn one show that it was complete once.
        is_damaged = is_damaged or (frame.is_whole and commits > 0)
        # A killed process leaves frames in the order in which they were written.
        if power_was_kept and frame.is_whole and frame.is_commit:
            is_damaged = is_damaged or not is_sound
        if frame.is_whole:
            pending[frame.page] = frame.place
        if frame.is_commit:
            commits += not is_sound
            whole |= pending
            offsets |= pending if is_sound else {}
            pending.clear()
    return Log(offsets, whole, is_damaged)


def _frames(log: Path) -> Iterator[_Frame]:
    """Yield the frames of the log's last run; those of earlier runs have other salts."""
    if not log.exists():
        return
    with log.open("rb") as file:
        head = file.read(_HEAD.size)
        count = (log.stat().st_size - _HEAD.size) // _STRIDE
        if count <= 0:
            return
        magic, *_, first, second, one, two = _HEAD.unpack(head)
        order = ">" if magic & 1 else "<"
        salts: Pair | None = (first, second)
        before = one, two
        if magic & ~1 != _MAGIC or _sum(order, head[:-8], (0, 0)) != before:
            order = ">" if sys.byteorder == "big" else "<"
            salts = _newest_salts(file, count, order)
            yield _Frame(0, 0, is_commit=True, is_whole=False)  # synced before what follows it
        for number in range(count):
            frame = file.read(_STRIDE)
            page, size, first, second, one, two = _FRAME.unpack_from(frame)
            salts = salts or (first, second)
            is_ours = (first, second) == salts
            is_whole = is_ours and (one, two) == _sum(
                order, frame[_FRAME.size :], _sum(order, frame[:8], before)
            )
            place = _HEAD.size + number * _STRIDE + _FRAME.size
            yield _Frame(page, place, is_commit=is_ours and size > 0, is_whole=is_whole)
            before = one, two


def _newest_salts(file: BinaryIO, count: int, order: str) -> Pair | None:
    """Return the salts of the last run, if the head of the log does not tell them: those of frames
    whose checksums continue the previous frame, because a damaged one may contain anything. The
    first salt grows by one with each run. None: no two frames follow each other."""
    salts: Pair | None = None
    before = 0, 0
    for _ in range(count):
        frame = file.read(_STRIDE)
        page, _, first, second, one, two = _FRAME.unpack_from(frame)
        computed = _sum(order, frame[_FRAME.size :], _sum(order, frame[:8], before))
        if page and computed == (one, two):
            salts = max(salts or (0, 0), (first, second))
        before = one, two
    file.seek(_HEAD.size)
    return salts


def _sum(order: str, octets: bytes, before: Pair) -> Pair:
    one, two = before
    words = iter(struct.unpack(f"{order}{len(octets) // 4}I", octets))
    for even, odd in zip(words, words, strict=True):
        one = (one + even + two) & 0xFFFFFFFF
        two = (two + odd + one) & 0xFFFFFFFF
    return one, two
