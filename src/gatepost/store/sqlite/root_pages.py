"""The root pages of all tables, stored beside the database in case its own list is damaged.

SQLite finds nothing in a file whose first page, or a page of its schema, is damaged, or that was
truncated, although all mail may be there. With this file, ``salvage`` finds it.
"""

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from gatepost.store.private_files import replace_private
from gatepost.store.sqlite.damage import damage

LAYOUT: Final = "store.layout"
_ROOTS: Final = "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master"


def keep_layout(
    directory: Path, connection: sqlite3.Connection, version: int, *, is_sound: bool
) -> None:
    """Write the root pages of tables; a difference in a file that was not checked is damage.

    Raises OSError, sqlite3.Error.
    """
    file = directory / LAYOUT
    recorded, tables = _read(file)
    if recorded == version and not is_sound:
        return
    rows = connection.execute(_ROOTS).fetchall()
    if (recorded, tables) != (version, rows):  # another version, or a copied file
        replace_private(file, json.dumps({"version": version, "tables": rows}))


def check_layout(directory: Path, connection: sqlite3.Connection, version: int) -> None:
    """Raise sqlite3.Error if tables are not described as before in the same version.

    One wrong letter makes another column, or an unknown one; SQLite does not notice such damage.
    """
    recorded, tables = _read(directory / LAYOUT)
    if recorded != version:
        return
    there = {row[-1] for row in connection.execute(_ROOTS)}
    if not there.issuperset({row[-1] for row in tables}):  # somebody may have created an index
        raise damage("its tables are not described as they were")


def forget_layout(directory: Path) -> None:
    """Remove the file: a copy has other root pages."""
    (directory / LAYOUT).unlink(missing_ok=True)


def known_roots(directory: Path) -> dict[str, int]:
    """Return the root pages by name, as far as they are known."""
    return {name: root for _, name, _, root, _ in _read(directory / LAYOUT)[1]}


def _read(file: Path) -> tuple[int, Sequence[tuple[Any, ...]]]:
    """Return the version and the tables; 0 and nothing if that cannot be read."""
    try:
        layout = json.loads(file.read_bytes())
        rows = [
            (kind, name, table, int(root), sql) for kind, name, table, root, sql in layout["tables"]
        ]
        return int(layout["version"]), rows
    except (OSError, ValueError, TypeError, KeyError):
        return 0, ()
