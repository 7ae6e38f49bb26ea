"""Locks a data directory for one process."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from gatepost.errors import Unreadable
from gatepost.store.private_files import open_private

LOCK: Final = "lock"
"""Name of the file with the owner's pid."""

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> None:
        os.lseek(descriptor, 1 << 30, os.SEEK_SET)  # beyond the pid, which stays readable
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class StoreLocked(Unreadable):
    """Another process has locked the directory; ``pid`` is its number, 0 if unknown."""

    def __init__(self, directory: Path, pid: int) -> None:
        owner = f"process {pid}" if pid else "another process"
        super().__init__(f"{directory} is in use by {owner}")
        self.pid = pid


class DirectoryLock:
    """An exclusive lock on ``DIR/lock``, which has the owner's pid, and on DIR itself.

    The kernel releases both. A lock on the file alone would not suffice, because somebody may
    remove the file. Raises StoreLocked if another process, or another store of this one, has the
    lock.
    """

    def __init__(self, directory: Path) -> None:
        self._descriptors: list[int] = []
        try:
            if sys.platform != "win32":  # on Windows an open file cannot be removed
                self._take(directory, os.open(directory, os.O_RDONLY))
            file = open_private(directory / LOCK)
            self._take(directory, file)
        except BaseException:
            self.release()
            raise
        os.ftruncate(file, 0)
        os.lseek(file, 0, os.SEEK_SET)
        with suppress(OSError):  # a full disk: it is locked nevertheless
            os.write(file, b"%d\n" % os.getpid())

    def _take(self, directory: Path, descriptor: int) -> None:
        self._descriptors.append(descriptor)
        try:
            _try_lock(descriptor)
        except OSError:
            raise StoreLocked(directory, _owner_of(directory)) from None

    def release(self) -> None:
        """Unlock the directory; the file stays."""
        for each in self._descriptors:
            os.close(each)


def _owner_of(directory: Path) -> int:
    """Return the pid in the lock's file; 0 if there is none."""
    try:
        owner = (directory / LOCK).read_bytes()[:20].strip()
    except OSError:
        return 0
    return int(owner) if owner.isdigit() else 0
