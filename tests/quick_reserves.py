"""Reserves of disk space that take none while there is plenty.

The files of tests are in memory, where a reserve takes a store as long as all else of its start.
"""

import os
from typing import Final

from gatepost.store.sqlite.durable_calls import Disk

PLENTY: Final = 1 << 30
"""Octets free on a disk that no test fills."""
_ALLOCATE: Final = Disk.allocate


def use() -> None:
    """Make reserves quick to take, in this process and in its forks."""
    Disk.allocate = _allocate  # type: ignore[assignment, method-assign]


def _allocate(disk: Disk, descriptor: int, size: int) -> None:
    there = os.fstatvfs(descriptor)
    if there.f_bavail * there.f_frsize > PLENTY:
        os.truncate(descriptor, size)
    else:
        _ALLOCATE(disk, descriptor, size)
