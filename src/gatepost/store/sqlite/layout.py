"""Where every table begins, kept beside the database for the day on which it cannot say so itself.

SQLite finds nothing in a file whose first page, or a page of its schema, is damaged, or that was
cut off, although all the mail may be there. What is written down here leads to it (``salvage``).
"""

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from gatepost.store.private import replace_private
from gatepost.store.sqlite.damage import damage

LAYOUT: Final = "store.layout"
_ROOTS: Final = "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master"


def keep_layout(
    directory: Path, connection: sqlite3.Connection, version: int, *, is_sound: bool
) -> None:
    """Write down where tables begin; what differs in a file that was not found sound is damage.

    Raises OSError, sqlite3.Error.
    """
    file = directory / LAYOUT
    known, tables = _read(file)
    if known == version and not is_sound:
        return
    rows = connection.execute(_ROOTS).fetchall()
    if (known, tables) != (version, rows):  # another version, or a file that was put there
        replace_private(file, json.dumps({"version": version, "tables": rows}))


def check_layout(directory: Path, connection: sqlite3.Connection, version: int) -> None:
    """Raise sqlite3.Error where tables are said to be otherwise than they were in the same version.

    A letter of that which differs makes another column, or none of ours; SQLite sees no damage.
    """
    known, tables = _read(directory / LAYOUT)
    if known != version:
        return
    there = {row[-1] for row in connection.execute(_ROOTS)}
    if not there.issuperset({row[-1] for row in tables}):  # somebody may have made an index
        raise damage("its tables are not described as they were")


def forget_layout(directory: Path) -> None:
    """A copy has another one."""
    (directory / LAYOUT).unlink(missing_ok=True)


def known_roots(directory: Path) -> dict[str, int]:
    """Return where trees begin, by name, as far as that is known."""
    return {name: root for _, name, _, root, _ in _read(directory / LAYOUT)[1]}


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
