"""After a failed sync, or damage: everything readable is copied to a new file before mail is
accepted.

The kernel discards a page whose write failed, so the old file may differ from what readers see, and
nothing may be added to it. The marker need not survive a power cut, because after one all readers
see the old file as it is on the disk.
"""

import json
import os
import shutil
import sqlite3
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Final

from gatepost.errors import Unreadable
from gatepost.net.file_owners import keep_owner
from gatepost.store.private_files import open_private, write_private
from gatepost.store.sqlite.close_marker import UNCLOSED
from gatepost.store.sqlite.damage import damage, is_damaged
from gatepost.store.sqlite.durable_calls import Disk
from gatepost.store.sqlite.losses import Losses
from gatepost.store.sqlite.root_pages import LAYOUT, forget_layout, known_roots
from gatepost.store.sqlite.salvage import (
    has_octets,
    look_through,
    look_through_log,
    salvage,
)
from gatepost.store.sqlite.segments import SEGMENTS
from gatepost.store.sqlite.write_ahead_log import read_log

DATABASE: Final = "store.db"
_MARKER: Final = "store.failed"
_DAMAGED: Final = "damaged: "
"""The beginning of the marker if the file is damaged: then a plain copy is not enough."""
_PARTIAL: Final = "store.db.copying"
_COMPLETE: Final = "store.db.copied"
ASIDE: Final = "store.db.damaged"
"""The last damaged file, for those who can read more of it."""
_LOST: Final = "segments.lost"
LOSSES: Final = "store.lost"
"""What is missing after damage: one object per line."""


def missing(directory: Path) -> str:
    """Return a sentence if there was a store here whose database is missing, otherwise empty."""
    if has_octets(directory / DATABASE) or (directory / _COMPLETE).exists():
        return ""
    segments = _segments(directory)
    if not segments and not (directory / LAYOUT).exists():
        return ""
    return f"{DATABASE} is missing from {directory}; content files that are left: {len(segments)}"


def begin_anew(directory: Path, disk: Disk) -> str:
    """Move the remains of a store without a database aside, before a new one considers them dead.

    Returns a sentence about it; empty if there is nothing to move, or if the log of the old one can
    be read and copied. Raises OSError.
    """
    sentence = missing(directory)
    if not sentence or read_log(directory / DATABASE).whole:
        return ""
    if _segments(directory):
        lost = directory / _LOST
        for number in count(2):
            if not lost.exists():
                break
            lost = directory / f"{_LOST}.{number}"
        (directory / SEGMENTS).rename(lost)
        sentence += f", now in {lost.name}"
    forget_layout(directory)
    for mark in (_MARKER, UNCLOSED):
        (directory / mark).unlink(missing_ok=True)
    disk.sync_directory(directory)
    return sentence


def _segments(directory: Path) -> list[Path]:
    return [each for each in (directory / SEGMENTS).glob("*") if each.name.isdecimal()]


def mark_failed(directory: Path, reason: str, error: BaseException | None = None) -> None:
    """Leave a note for the next start; ``error`` is SQLite's. Raises OSError."""
    kind = _DAMAGED if error is not None and is_damaged(error) else ""
    write_private(directory / _MARKER, f"{kind}{reason}\n")


def recover(directory: Path, disk: Disk) -> str:
    """Replace a database whose sync failed, or that is damaged, by a copy.

    Returns what was copied, empty if there was no such database. It may be interrupted at any time,
    and is then repeated. Raises Unreadable.
    """
    complete, summary = directory / _COMPLETE, "an unfinished copy from before is used"
    if not complete.exists():
        if not (directory / _MARKER).exists():
            return ""
        summary = _copy(directory, disk)
    # The old WAL must be gone before the copy gets the name with which it would be paired.
    (directory / UNCLOSED).unlink(missing_ok=True)
    for suffix in ("-wal", "-shm"):
        (directory / f"{DATABASE}{suffix}").unlink(missing_ok=True)
    forget_layout(directory)
    disk.sync_directory(directory)
    complete.replace(directory / DATABASE)
    (directory / _MARKER).unlink(missing_ok=True)
    disk.sync_directory(directory)
    return summary


def _reason(directory: Path) -> str:
    """Return how the store failed; a full disk may have no note of it."""
    return (directory / _MARKER).read_text("utf-8", "replace").strip()


def _copy(directory: Path, disk: Disk) -> str:
    partial, database = directory / _PARTIAL, directory / DATABASE
    partial.unlink(missing_ok=True)
    database.touch(0o600)  # it may be missing, and its log be left
    reason = _reason(directory)
    summary = "the store was copied after it had failed" + (f" ({reason})" if reason else "")
    try:
        try:
            if reason.startswith(_DAMAGED):
                raise damage(reason.removeprefix(_DAMAGED))
            look_through_log(database)
            _vacuum(database, partial, disk)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if not is_damaged(error):
                raise
            partial.unlink(missing_ok=True)
            losses = salvage(database, partial, disk, known_roots(directory))
            summary = f"the store was damaged ({error}): {losses.summary}; the old file is {ASIDE}"
            _put_aside(directory)
            summary += _write_down(directory, losses)
    except sqlite3.Error as error:
        raise Unreadable(f"{database} cannot be copied: {error}") from error
    descriptor = open_private(partial, os.O_RDWR)
    try:
        keep_owner(descriptor, directory)
        disk.sync(descriptor)
    finally:
        os.close(descriptor)
    partial.replace(directory / _COMPLETE)
    disk.sync_directory(directory)
    return summary


def _write_down(directory: Path, losses: Losses) -> str:
    """Write the list of what is missing, and return where: it is too long for a sentence."""
    if not losses.named:
        return ""
    found_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    lines = [f"{json.dumps({'found_at': found_at, **each})}\n" for each in losses.named]
    try:
        appending = open_private(directory / LOSSES, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        with os.fdopen(appending, "w", encoding="utf-8") as file:
            file.writelines(lines)
    except OSError:  # a full disk: at least the sentence is reported
        return ""
    return f", and everything that is missing is listed in {LOSSES}"


def _vacuum(database: Path, partial: Path, disk: Disk) -> None:
    """Copy a database; damage that SQLite copies faithfully is damage. Raises sqlite3.Error."""
    old = disk.connect(database, read_only=True)  # otherwise closing would checkpoint
    try:
        look_through(old, "integrity_check")  # rows that no tree leads to would not be copied
        old.execute("VACUUM INTO ?", (str(partial),))
    finally:
        old.close()
    new = disk.connect(partial, read_only=True)
    try:
        look_through(new)
    finally:
        new.close()


def _put_aside(directory: Path) -> None:
    """Keep the damaged file under another name; an earlier start may have done it already."""
    for suffix in ("", "-wal"):
        old, aside = directory / f"{DATABASE}{suffix}", directory / f"{ASIDE}{suffix}"
        aside.unlink(missing_ok=True)
        if old.exists():
            shutil.copyfile(old, aside)
            aside.chmod(0o600)
