"""The system calls whose failure decides what is durable."""

import errno
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import ClassVar, Final

from gatepost.model.body import MANY, windows_of
from gatepost.net.atomic_files import sync_directory

TOGETHER: Final = 1024 * 1024
"""Maximum number of octets written in one call."""
FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
"""No space: the same write may succeed later. Any other error of a write is final."""
_UNKNOWN: Final = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
"""The system does not know a flag of pwritev2(2), and has written nothing."""


_read_text: Final = partial(str, encoding="utf-8", errors="surrogateescape")
"""Read text so that a damaged octet does not make its row, and everything read with it, unreadable.
"""


class SyncFailed(OSError):
    """The state of the disk is unknown, whatever the reason.

    Even a thin volume without space loses data that it has accepted, and its next sync may succeed.
    """


@contextmanager
def _final() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SyncFailed(error.errno, error.strerror) from error


def is_full(error: OSError) -> bool:
    """Tell whether the disk, or our quota, is full, without a loss of data."""
    return error.errno in FULL and not isinstance(error, SyncFailed)


class Disk:
    """The real disk. Tests replace it by one that fails."""

    factory: type[sqlite3.Connection] = sqlite3.Connection
    synchronous: ClassVar[str] = "FULL"
    """SQLite's setting of that name."""

    def connect(self, path: Path, *, read_only: bool = False) -> sqlite3.Connection:
        """Open a database for use by one thread at a time; transactions are explicit."""
        mode = "ro" if read_only else "rwc"
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=64,
            factory=self.factory,
        )
        connection.text_factory = _read_text
        return connection

    def write(self, descriptor: int, chunks: Iterable[bytes], offset: int) -> None:
        """Write `chunks` one after the other, from `offset` on."""
        os.lseek(descriptor, offset, os.SEEK_SET)
        for window in windows_of(chunks, TOGETHER):
            written = 0 if sys.platform == "win32" else os.writev(descriptor, window)
            if written < sum(map(len, window)):
                unwritten = memoryview(b"".join(window))[written:]
                while unwritten:
                    unwritten = unwritten[os.write(descriptor, unwritten) :]

    def write_through(self, descriptor: int, chunks: Sequence[bytes], offset: int) -> None:
        """Write `chunks` as ``write`` does, and return when they would survive a power cut.

        If the system can do both in one call, the thread releases the interpreter lock only once.
        """
        is_known = sys.platform == "linux" and hasattr(os, "RWF_DSYNC")  # not with every C library
        if is_known and len(chunks) <= MANY:
            try:
                written = os.pwritev(descriptor, chunks, offset, os.RWF_DSYNC)
            except OSError as error:
                if error.errno not in _UNKNOWN | FULL:
                    raise
                written = 0  # one by one, to see which of the two found no space
            if written == sum(map(len, chunks)):
                return
        self.write(descriptor, chunks, offset)
        self.sync(descriptor)

    def allocate(self, descriptor: int, size: int) -> None:
        """Allocate `size` octets of the disk for an empty file."""
        if sys.platform == "linux":
            os.posix_fallocate(descriptor, 0, size)
        else:
            self.write(descriptor, (bytes(size),), 0)

    def sync(self, descriptor: int) -> None:
        """Return when what was written to the file would survive a power cut.

        Raises SyncFailed.
        """
        with _final():
            _sync(descriptor)

    def check_writable(self, directory: Path) -> None:
        """Raise SyncFailed if the file system has become read-only.

        Ask after each sync: on a file system that the kernel has made read-only with files open,
        ext4 still takes writes to allocated blocks into memory, and reports the success of a sync
        that it does not do (Linux, ext4_sync_file in fs/ext4/fsync.c).
        """
        if sys.platform != "win32" and os.statvfs(directory).f_flag & os.ST_RDONLY:
            raise SyncFailed(errno.EROFS, os.strerror(errno.EROFS))

    def sync_directory(self, directory: Path) -> None:
        """Make the names in a directory durable. Raises SyncFailed."""
        with _final():
            sync_directory(directory)

    def free(self, directory: Path) -> int:
        """Return how many octets can still be written."""
        return shutil.disk_usage(directory).free


class UnsyncedDisk(Disk):
    """For stores that nobody needs after a power cut, such as that of a test: it syncs nothing."""

    synchronous = "OFF"

    def write_through(self, descriptor: int, chunks: Sequence[bytes], offset: int) -> None:
        """Write `chunks` as ``write`` does."""
        self.write(descriptor, chunks, offset)

    def sync(self, descriptor: int) -> None:
        """Do nothing."""

    def sync_directory(self, directory: Path) -> None:
        """Do nothing."""


def _sync(descriptor: int) -> None:
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415 (not on every platform)

        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    elif sys.platform == "win32":
        os.fsync(descriptor)
    else:
        os.fdatasync(descriptor)
