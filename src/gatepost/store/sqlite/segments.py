"""Large bodies, one after the other in append-only files: no inode per message.

A body is written and synced before its message joins a group, so that a body of a row always
exists. A body without a row (a torn tail, a deleted message) is dead.
"""

import os
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from gatepost.errors import Unreadable
from gatepost.model.body import WINDOW, Body, BytesBody, traits_of
from gatepost.model.message import Submission
from gatepost.model.units import MIB
from gatepost.net.file_owners import make_private_directory
from gatepost.store.private_files import open_private
from gatepost.store.sqlite.durable_calls import Disk

SEGMENTS: Final = "segments"
"""The directory beside the database."""
SEGMENT_SIZE: Final = 64 * MIB
"""Octets after which a segment gets no further body; a larger body has a segment of its own."""

_BINARY: Final = getattr(os, "O_BINARY", 0)


class BodyPlace(NamedTuple):
    """The place of a body: its offset and size in octets, and its CRC-32."""

    segment: int
    offset: int
    size: int
    checksum: int


def checksum_of(body: Body, chunks: Iterable[bytes]) -> int:
    """Return the CRC-32 of a body that consists of ``chunks``, unless it is known."""
    traits, checksum = traits_of(body), 0
    if traits is not None and traits.checksum is not None:
        return traits.checksum
    for chunk in chunks:
        checksum = zlib.crc32(chunk, checksum)
    return checksum


def inline_body(submission: Submission) -> tuple[BodyPlace, bytes]:
    """Return a body for the database, which is in segment 0."""
    content = b"".join(submission.body.chunks())
    return BodyPlace(0, 0, len(content), checksum_of(submission.body, (content,))), content


def name_of(segment: int) -> str:
    """Return the name of a segment's file."""
    return f"{segment:08d}"


class Segments:
    """The files ``DIR/segments/NUMBER``. Everything except ``open`` belongs to one thread at a
    time.

    Methods raise OSError as the disk does.
    """

    def __init__(self, directory: Path, disk: Disk, size: int = SEGMENT_SIZE) -> None:
        self.directory = directory
        self._disk, self._size = disk, size
        self._descriptor: int | None = None
        self._written = False
        self._allotted: list[bytes] = []
        """Bodies at the end that ``sync`` must write."""
        self.active = 0
        """The segment for the next body; those before it are never written again."""
        self._end = 0

    def resume(self, segment: int, end: int) -> None:
        """Continue after the last octet that belongs to a row; a torn tail is cut off."""
        self.active, self._end = segment, end

    @property
    def is_empty(self) -> bool:
        """True if the active segment has no body yet."""
        return self._end == 0

    def has_room(self, size: int) -> bool:
        """Tell whether the active segment is open and has space for so many more octets."""
        return self._descriptor is not None and self._end + size <= self._size

    def append(self, body: Body) -> BodyPlace:
        """Write a body; it is durable once ``sync`` has returned."""
        if self._end and self._end + body.size > self._size:
            self.seal()
        descriptor = self._descriptor
        if descriptor is None:
            descriptor = self._descriptor = self._open_active()
        checksum, size = 0, 0

        def counted() -> Iterator[bytes]:
            nonlocal checksum, size
            for chunk in body.chunks():
                checksum, size = zlib.crc32(chunk, checksum), size + len(chunk)
                yield chunk

        self._written = True
        self._disk.write(descriptor, counted(), self._end)
        place = BodyPlace(self.active, self._end, size, checksum)
        self._end += size
        return place

    def allot(self, body: Body) -> BodyPlace:
        """Give a body the place where ``sync`` will write it; call ``has_room`` before."""
        chunks = list(body.chunks())
        size = sum(map(len, chunks))  # the real size, because others follow it
        place = BodyPlace(self.active, self._end, size, checksum_of(body, chunks))
        self._allotted += chunks
        self._end += size
        return place

    def take_back(self) -> list[bytes]:
        """Undo ``allot`` for what is not written yet; its places are free again."""
        allotted, self._allotted = self._allotted, []
        self._end -= sum(map(len, allotted))
        return allotted

    def cut(self) -> None:
        """Cut off a body that did not find space for all of it."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, self._end)

    def sync(self) -> None:
        """Return when every body so far would survive a power cut."""
        if self._descriptor is not None and self._allotted:
            bodies = self.take_back()
            self._disk.write_through(self._descriptor, bodies, self._end)
            self._end += sum(map(len, bodies))
        if self._descriptor is not None and self._written:
            self._disk.sync(self._descriptor)
            self._written = False

    def seal(self) -> None:
        """Sync, and let the next body begin a new segment."""
        self.sync()
        self.abandon()

    def abandon(self) -> None:
        """Write nothing more to the active segment, whose last sync may have failed."""
        self.close()
        self._written = False
        self.active, self._end = self.active + 1, 0

    def numbers(self) -> list[int]:
        """Return the segments that exist, in order."""
        if not self.directory.is_dir():
            return []
        return sorted(int(each.name) for each in self.directory.iterdir() if each.name.isdecimal())

    def size(self, segment: int) -> int:
        """Return the octets of a segment's file."""
        return self._path(segment).stat().st_size

    def remove(self, segment: int) -> None:
        """Remove a segment without rows."""
        self._path(segment).unlink(missing_ok=True)

    def open(self, place: BodyPlace) -> "SegmentBody":
        """Return the body at a place; it stays readable as long as it is referenced. For any
        thread."""
        return SegmentBody(self._path(place.segment), place)

    def close(self) -> None:
        """Close the active segment; call ``sync`` before."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):
                os.close(descriptor)

    def _path(self, segment: int) -> Path:
        return self.directory / name_of(segment)

    def _open_active(self) -> int:
        """Open the active segment; its name is durable before it has content."""
        if not self.directory.is_dir():
            make_private_directory(self.directory)
            self._disk.sync_directory(self.directory.parent)
        descriptor = open_private(self._path(self.active))
        try:
            os.ftruncate(descriptor, self._end)
            self._disk.sync_directory(self.directory)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor


class SegmentBody:
    """A body in a segment. It stays readable if the segment is removed meanwhile."""

    def __init__(self, path: Path, place: BodyPlace) -> None:
        self._place = place
        self._descriptor = os.open(path, os.O_RDONLY | _BINARY)

    def __del__(self) -> None:
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)

    @property
    def size(self) -> int:
        """Octets in all."""
        return self._place.size

    def chunks(self) -> Iterator[bytes]:
        """Yield the content. Raises Unreadable at its end if it differs from what was stored."""
        _, offset, size, expected = self._place
        end, checksum = offset + size, 0
        while offset < end:
            chunk = self._read(min(WINDOW, end - offset), offset)
            if not chunk:
                break
            offset, checksum = offset + len(chunk), zlib.crc32(chunk, checksum)
            yield chunk
        if offset < end or checksum != expected:
            raise Unreadable(f"the body in segment {self._place.segment} is damaged")

    def _read(self, size: int, offset: int) -> bytes:
        if sys.platform == "win32":
            os.lseek(self._descriptor, offset, os.SEEK_SET)
            return os.read(self._descriptor, size)
        else:
            return os.pread(self._descriptor, size, offset)


def open_content(id: str, row: tuple[Any, ...], segments: Segments) -> Body:
    """Return a body; ``row``: segment, offset, size, checksum, and the content if it is in the
    database.

    Small ones are verified now, large ones while they are read. Raises Unreadable for a damaged
    one, FileNotFoundError if it moved to another segment meanwhile.
    """
    segment, offset, size, checksum, content = row
    if segment is not None:
        return segments.open(BodyPlace(segment, offset, size, checksum))
    if content is None or len(content) != size or zlib.crc32(content) != checksum:
        raise Unreadable(f"the body of message {id} is damaged")
    return BytesBody(content)
