"""Where every table begins, kept beside the database for the day on which it cannot say so itself.

SQLite finds nothing in a file whose first page, or a page of its schema, is damaged, or that was
cut off, although all the mail may be there. A copy with a new first page, to which the schema is
told again, can be read around the damage like any other (``salvage``).
"""

import json
import shutil
import sqlite3
import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from gatepost.store.sqlite.commit import PAGE
from gatepost.store.sqlite.disk import Disk

LAYOUT: Final = "store.layout"
_ROOTS: Final = "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master"
# https://www.sqlite.org/fileformat2.html 1.3: page size, format versions, room at the end of a
# page, payload fractions, change counter, pages, free pages, cookie, schema format, cache, vacuum,
# UTF-8, user version, incremental vacuum, application; unused; version-valid-for, version.
_HEADER: Final = struct.Struct(">16sH6B12I20x2I")
_EMPTY_LEAF: Final = struct.pack(">BHHHB", 0x0D, 0, 0, PAGE, 0)
_ROLLBACK, _WAL = 1, 2


def keep_layout(
    directory: Path, connection: sqlite3.Connection, version: int, *, is_sound: bool
) -> None:
    """Write down where tables begin; what differs in a file that was not found sound is damage.

    Raises OSError, sqlite3.Error.
    """
    file, new = directory / LAYOUT, directory / f"{LAYOUT}.new"
    known, tables = _read(file)
    if known == version and not is_sound:
        return
    rows = connection.execute(_ROOTS).fetchall()
    if (known, tables) != (version, rows):  # another version, or a file that was put there
        new.write_text(json.dumps({"version": version, "tables": rows}), "utf-8")
        new.chmod(0o600)
        new.replace(file)


def forget_layout(directory: Path) -> None:
    """A copy has another one."""
    (directory / LAYOUT).unlink(missing_ok=True)


def with_schema(damaged: Path, copy: Path, disk: Disk) -> bool:
    """Write a copy whose schema can be read; False when nothing is known of it.

    Raises OSError, sqlite3.Error.
    """
    _, rows = _read(damaged.parent / LAYOUT)
    if not rows:
        return False
    log = damaged.with_name(f"{damaged.name}-wal")
    shutil.copyfile(damaged, copy)
    if log.exists():
        _put_first_page(copy, _WAL, 0)
        shutil.copyfile(log, copy.with_name(f"{copy.name}-wal"))
        _move_log(copy, disk)
    _put_first_page(copy, _ROLLBACK, max(root for _, _, _, root, _ in rows))
    connection = disk.connect(copy)
    try:
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute("COMMIT")
    finally:
        connection.close()
    return True


def _read(file: Path) -> tuple[int, Sequence[tuple[Any, ...]]]:
    """Return the version and the tables; 0 and nothing, where that cannot be read."""
    try:
        known = json.loads(file.read_bytes())
        rows = [
            (kind, name, table, int(root), sql) for kind, name, table, root, sql in known["tables"]
        ]
        return int(known["version"]), rows
    except (OSError, ValueError, TypeError, KeyError):
        return 0, ()


def _move_log(copy: Path, disk: Disk) -> None:
    """Let the last one who closes it move what the log has of whole commits, as ever."""
    connection = disk.connect(copy)
    with suppress(sqlite3.Error):
        connection.execute("PRAGMA schema_version").fetchone()
    connection.close()


def _put_first_page(file: Path, version: int, pages: int) -> None:
    """Give a file an empty schema, and at least as many pages."""
    with file.open("r+b") as opened:
        count = max(1, pages, file.stat().st_size // PAGE)
        opened.truncate(count * PAGE)
        counts = (1, count, 0, 0, 1, 4, 0, 0, 1, 0, 0, 0)
        header = _HEADER.pack(
            b"SQLite format 3\0", PAGE, version, version, 0, 64, 32, 32, *counts, 1, 3_040_000
        )
        opened.write((header + _EMPTY_LEAF).ljust(PAGE, b"\0"))
