"""The age of a store, recorded beside it, so that an older copy in its place is noticed.

A number grows with every round of upkeep after a write. It is committed first, and then written to
a file, which may be behind the database, but never ahead of it.
"""

import sqlite3
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from gatepost.store.private_files import replace_private
from gatepost.store.sqlite.group_writes import Transaction
from gatepost.store.sqlite.queries import QUERIES

GENERATION: Final = "store.generation"
AHEAD: Final = 1_000
"""Upper bound for the epochs given out since the file was last written."""


class Generation:
    """The number of the store in a directory. Create it before anything is written."""

    def __init__(self, directory: Path, connection: sqlite3.Connection) -> None:
        self._file, self._connection = directory / GENERATION, connection
        self._changes = connection.total_changes

    def advance(self, transaction: Transaction) -> tuple[int, int] | None:
        """Write the next number, and return the note for the file; None if nothing was written."""
        if self._connection.total_changes == self._changes:
            return None
        transaction.connection.execute(QUERIES["next_generation"])
        transaction.ledger.pages += 1
        self._changes = self._connection.total_changes
        return _counted(transaction.connection)

    def note(self, result: Any) -> None:
        """Write the note to the file, after the commit."""
        if isinstance(result, tuple):
            _write(self._file, result)


def look_back(directory: Path, connection: sqlite3.Connection, *, is_new: bool) -> str:
    """Return a sentence if the store was replaced by an older copy, otherwise empty. It is reported
    once.

    ``is_new``: it was created or repaired just now, and is not a copy. In any case its epochs
    continue after those that were given out, because ids are made of them.
    """
    file = directory / GENERATION
    (noted, epoch), (number, own_epoch) = _read(file), _counted(connection)
    if noted == number and epoch <= own_epoch:
        return ""
    warning = ""
    if noted > number or epoch > own_epoch:
        own_epoch = max(own_epoch, epoch + AHEAD)
        connection.execute(QUERIES["set_counter"], (own_epoch, "epoch"))
    if noted > number and not is_new:
        until = datetime.fromtimestamp(file.stat().st_mtime, UTC)
        warning = (
            f"the store is older than the one that was here until {until:%Y-%m-%dT%H:%M:%SZ}: mail "
            "accepted since is missing, and mail delivered since may be delivered again"
        )
    _write(file, (number, own_epoch))
    return warning


def _counted(connection: sqlite3.Connection) -> tuple[int, int]:
    rows = connection.execute(QUERIES["list_counters"]).fetchall()
    counters: dict[str, int] = dict(rows)
    return counters.get("generation", 0), counters.get("epoch", 0)


def _read(file: Path) -> tuple[int, int]:
    try:
        number, epoch = file.read_text("ascii").split()
        return int(number), int(epoch)
    except (OSError, ValueError):  # there is none, or it was lost in a power cut
        return 0, 0


def _write(file: Path, counted: tuple[int, int]) -> None:
    with suppress(OSError):  # a full disk: the file stays behind
        replace_private(file, "{} {}\n".format(*counted))
