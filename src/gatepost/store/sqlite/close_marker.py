"""A mark that shows whether a store was closed, so that a missing or truncated log is noticed.

SQLite considers a database without its log complete, although everything committed since the last
checkpoint was only in the log. The log's file does not shrink until the store is closed.
"""

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

from gatepost.store.private_files import replace_private
from gatepost.store.sqlite.durable_calls import Disk
from gatepost.store.sqlite.losses import newest_of

UNCLOSED: Final = "store.unclosed"
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
"""Differs for each boot of the machine; only Linux has it."""


class CloseMark:
    """The mark in a directory: the minimum length of the log of a store in use, and the run of the
    machine."""

    def __init__(self, directory: Path, database: Path, disk: Disk) -> None:
        self._file, self._disk = directory / UNCLOSED, disk
        self._log = _log_of(database)
        self._is_noted = False

    def note(self, *, again: bool = False) -> None:
        """Set the mark after a commit; ``again``: the log may have grown."""
        if self._is_noted and not again:
            return
        self._is_noted = True
        with suppress(OSError):  # a full disk: the next round of upkeep tries again
            replace_private(self._file, f"{self._log.stat().st_size} {_boot()}\n")

    def clear(self) -> None:
        """Remove the mark before the log is removed: a power cut must not restore it."""
        with suppress(OSError):
            self._file.unlink()
            self._disk.sync_directory(self._file.parent)


def missing_octets(directory: Path, database: Path) -> int:
    """Return how much of the log is missing; 0 if nothing is, or it is unknown."""
    log = _log_of(database)
    try:
        noted, *_ = (directory / UNCLOSED).read_text("ascii").split()
        return max(0, int(noted) - (log.stat().st_size if log.exists() else 0))
    except (OSError, ValueError):
        return 0


def is_of_this_boot(directory: Path) -> bool:
    """Tell whether the machine has not been restarted since a store was last in use."""
    try:
        _, boot = (directory / UNCLOSED).read_text("ascii").split()
    except (OSError, ValueError):
        return False
    return boot == _boot()


def tell_missing(octets: int, connection: sqlite3.Connection) -> str:
    """Return what this means, for the operator."""
    newest = newest_of(connection)
    begun = f", from about {newest} on," if newest else ""  # many are accepted at the same time
    return (
        f"the store was not closed, and {octets} octets of its log are missing: unless another "
        f"program has written them to the database, mail accepted last{begun} may be missing, and "
        "mail delivered since may be delivered again"
    )


def _boot() -> str:
    try:
        return _BOOT.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def _log_of(database: Path) -> Path:
    return database.with_name(f"{database.name}-wal")
