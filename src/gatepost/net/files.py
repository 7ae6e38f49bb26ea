"""Files: those that are read more than once, as secrets are, and names that survive."""

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def open_again(path: Path) -> BinaryIO:
    """Open such a file. Raises OSError, as ``check_again`` does."""
    check_again(path)
    return path.open("rb")


def check_again(path: str | Path) -> None:
    """Raise OSError for what is not there, or a FIFO: who opens one waits for whoever writes, and
    what was read is gone."""
    if stat.S_ISFIFO(Path(path).stat().st_mode):
        raise OSError(errno.EINVAL, "it is a FIFO, and would be read more than once")


@contextmanager
def in_memory(octets: bytes) -> Iterator[str]:
    """Give the name of a file that no disk holds, for what reads files alone.

    Raises OSError where the system has none: it is Linux's (memfd_create(2)).
    """
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    descriptor = os.memfd_create("gatepost")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(octets)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory survive a power cut; Windows does so by itself."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
