"""One process owns a data directory, for as long as it lives."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from gatepost.errors import Unreadable
from gatepost.store.private import open_private

LOCK: Final = "lock"
"""Name of the file that holds the owner's pid."""

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
    """Another process has the directory; ``pid`` is its number, 0 when it did not say."""

    def __init__(self, directory: Path, pid: int) -> None:
        owner = f"process {pid}" if pid else "another process"
        super().__init__(f"{directory} is in use by {owner}")
        self.pid = pid


class DirectoryLock:
    """An exclusive lock on ``DIR/lock``, which holds the owner's pid, and on DIR itself.

    The kernel frees both. The file alone would not do: somebody may take it for left behind, and
    remove it. Raises StoreLocked when another process, or another store of this one, has it.
    """

    def __init__(self, directory: Path) -> None:
        self._descriptors: list[int] = []
        try:
            if sys.platform != "win32":  # where nobody can remove what is open
                self._take(directory, os.open(directory, os.O_RDONLY))
            file = open_private(directory / LOCK)
            self._take(directory, file)
        except BaseException:
            self.release()
            raise
        os.ftruncate(file, 0)
        os.lseek(file, 0, os.SEEK_SET)
        with suppress(OSError):  # a full disk: it is locked all the same
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
    """Return the pid in the lock's file; 0 when it holds none, or is gone."""
    try:
        owner = (directory / LOCK).read_bytes()[:20].strip()
    except OSError:
        return 0
    return int(owner) if owner.isdigit() else 0
