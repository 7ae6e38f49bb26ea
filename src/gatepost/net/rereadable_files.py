"""Files that are read more than once, such as secrets."""

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def open_again(path: Path) -> BinaryIO:
    """Open a file that will be read again. Raises OSError, as ``check_again`` does."""
    check_again(path)
    return path.open("rb")


def check_again(path: str | Path) -> None:
    """Raise OSError for a file that does not exist, or a FIFO: opening a FIFO waits for its writer,
    and its content can be read only once."""
    if stat.S_ISFIFO(Path(path).stat().st_mode):
        raise OSError(errno.EINVAL, "it is a FIFO, and would be read more than once")


@contextmanager
def in_memory(octets: bytes) -> Iterator[str]:
    """Provide the name of a file that is never on a disk, for functions that read only files.

    Raises OSError if the system cannot do it; Linux can (memfd_create(2)).
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
