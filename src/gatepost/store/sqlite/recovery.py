"""After a failed sync: what can be read is copied to a new file before mail is accepted.

The kernel forgets a page whose write failed, so the old file may differ from what its readers
see; appending to it would build on sand. The marker need not survive a power cut: after one,
the old file is what it is for every reader.
"""

import os
import sqlite3
from pathlib import Path
from typing import Final

from gatepost.errors import Unreadable
from gatepost.store.sqlite.disk import Disk

DATABASE: Final = "store.db"
_MARKER: Final = "store.failed"
_PARTIAL: Final = "store.db.copying"
_COMPLETE: Final = "store.db.copied"


def mark_failed(directory: Path, reason: str) -> None:
    """Leave word for the next start. Raises OSError."""
    (directory / _MARKER).write_text(f"{reason}\n", encoding="utf-8")


def recover(directory: Path, disk: Disk) -> bool:
    """Replace a database whose sync failed by a copy; tell whether there was one.

    May be interrupted anywhere and is then done again. Raises Unreadable.
    """
    complete = directory / _COMPLETE
    if not complete.exists():
        if not (directory / _MARKER).exists():
            return False
        _copy(directory, disk)
    # The old WAL must be gone before the copy gets the name with which it would be paired.
    for suffix in ("-wal", "-shm"):
        (directory / f"{DATABASE}{suffix}").unlink(missing_ok=True)
    disk.sync_directory(directory)
    complete.replace(directory / DATABASE)
    (directory / _MARKER).unlink(missing_ok=True)
    disk.sync_directory(directory)
    return True


def _copy(directory: Path, disk: Disk) -> None:
    partial = directory / _PARTIAL
    partial.unlink(missing_ok=True)
    connection = disk.connect(directory / DATABASE, read_only=True)  # else closing would checkpoint
    try:
        connection.execute("VACUUM INTO ?", (str(partial),))
    except sqlite3.Error as error:
        raise Unreadable(f"{directory / DATABASE} cannot be copied: {error}") from error
    finally:
        connection.close()
    descriptor = os.open(partial, os.O_RDWR)
    try:
        disk.sync(descriptor)
    finally:
        os.close(descriptor)
    partial.replace(directory / _COMPLETE)
    disk.sync_directory(directory)
