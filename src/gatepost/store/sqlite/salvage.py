"""From a damaged database to a new one: every row that can still be read.

Trees are read from their roots; rows below a damaged page are found by their format, on pages that
belong to no tree. Indexes are not trusted, but created again.
"""

import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from gatepost.errors import Unreadable
from gatepost.store.sqlite.damage import damage
from gatepost.store.sqlite.damaged_pages import Image
from gatepost.store.sqlite.durable_calls import Disk
from gatepost.store.sqlite.losses import Losses, make_up, note, prepare
from gatepost.store.sqlite.queries import APPLICATION, MIGRATIONS, VERSION
from gatepost.store.sqlite.salvage_tables import BODIES, Table
from gatepost.store.sqlite.segments import SEGMENTS
from gatepost.store.sqlite.write_ahead_log import read_log

EPOCH_LEAP: Final = 1_000
"""Added to the newest epoch in an id if the counter itself is lost, because no id may be used
twice."""
_MAIL: Final = frozenset({"queue_messages", "queue_deliveries", "messages", *BODIES})
"""Tables of which an older version of a row is better than none."""
_ALIKE: Final = frozenset({"counters", "leases", "queue_hops"})
"""Tables whose rows look like those of an index, so that only the tree distinguishes them."""
_DERIVED: Final = frozenset({"mailbox_vocabulary"})
"""Tables that are made again from others, like indexes."""

# Tables whose rows follow from others, or are invalid without them.
_MEND: Final = """
DELETE FROM queue_deliveries WHERE message NOT IN (SELECT seq FROM queue_messages);
DELETE FROM queue_bodies WHERE seq NOT IN (SELECT seq FROM queue_messages);
DELETE FROM bodies WHERE seq NOT IN (SELECT seq FROM messages);
DELETE FROM mailbox WHERE seq NOT IN (SELECT seq FROM messages)
    OR seq NOT IN (SELECT seq FROM mailbox_contents);
DELETE FROM mailbox_contents WHERE seq NOT IN (SELECT seq FROM mailbox);
DELETE FROM queue_hops;
INSERT INTO queue_hops
    SELECT hop, min(due) FROM queue_deliveries WHERE due IS NOT NULL GROUP BY hop;
INSERT OR REPLACE INTO counters SELECT 'messages', count(*) FROM messages;
INSERT OR REPLACE INTO counters SELECT 'octets', coalesce(sum(size), 0) FROM messages;
INSERT OR REPLACE INTO counters SELECT 'indexed', coalesce(
    (SELECT min(seq) - 1 FROM messages WHERE seq NOT IN (SELECT seq FROM mailbox)),
    (SELECT max(seq) FROM messages), 0);
"""
_WAITING: Final = "SELECT count(*) FROM queue_messages WHERE settled IS NULL"
_NEWEST: Final = """
SELECT coalesce(max(CAST(id AS INTEGER)), 0) FROM (
    SELECT id FROM messages UNION ALL SELECT id FROM queue_messages
    UNION ALL SELECT id FROM departed)
"""
Roots = Mapping[str, int]
"""The root pages of tables and indexes."""


def look_through(connection: sqlite3.Connection, check: str = "quick_check") -> None:
    """Find damage now, not later. Raises sqlite3.Error, UnicodeDecodeError.

    ``integrity_check`` also compares indexes with their tables, and takes longer.
    """
    verdict = connection.execute(f"PRAGMA {check}(1)").fetchone()[0]
    if verdict != "ok":
        raise damage(" ".join(verdict.split()))  # a sentence: it has lines


def look_through_log(database: Path) -> None:
    """Check the log, whose damage SQLite ignores. Raises sqlite3.Error, OSError."""
    log = read_log(database)
    if log.is_damaged:
        raise damage("the write-ahead log is damaged")
    if log.whole and not has_octets(database):  # which SQLite would take for a log of nothing
        raise damage("only the write-ahead log is left")


def has_octets(file: Path) -> bool:
    """Tell whether a file exists, and is not empty."""
    return file.exists() and file.stat().st_size > 0


def salvage(damaged: Path, goal: Path, disk: Disk, sound_roots: Roots) -> Losses:
    """Write what can be read of `damaged` to `goal`; return what that was, and what is missing.

    `sound_roots` are the root pages when the file was undamaged. Raises sqlite3.Error if `goal`
    cannot be written, Unreadable if nothing can be read, because the file may be somebody else's.
    """
    new = disk.connect(goal)
    new.create_function("crc32", 1, _crc32, deterministic=True)
    try:
        prepare(new, damaged.with_name(SEGMENTS))
        new.execute("BEGIN")
        for step in MIGRATIONS:
            _run(new, step)
        new.execute("DELETE FROM counters")
        losses = _carry_all(damaged, new, sound_roots)
        new.execute("COMMIT")
        new.execute(f"PRAGMA application_id={APPLICATION}")
        new.execute(f"PRAGMA user_version={VERSION}")
    finally:
        new.close()
    return losses


def _carry_all(damaged: Path, new: sqlite3.Connection, sound_roots: Roots) -> Losses:
    log = read_log(damaged)
    tables, before = _tables(new), new.total_changes
    with ExitStack() as stack:
        newest = stack.enter_context(Image(damaged, log.whole))
        broken = _carry(newest, tables, sound_roots)
        if log.is_damaged:  # a page may be older than the one that leads to it
            older = stack.enter_context(Image(damaged, log.offsets))
            _carry(older, [each for each in tables if each.name in _MAIL], sound_roots)
        roots = {**sound_roots, **_schema(newest)}
        note(new, newest, roots)
        is_cut = newest.is_cut or max(roots.values(), default=0) > newest.count
    if new.total_changes == before:
        raise Unreadable("the store cannot be opened, nothing can be read of it: no rows")
    losses = make_up(new, is_cut=is_cut)
    _count_on(new)
    _run(new, _MEND)
    summary = (
        f"{len(tables) - len(broken)} of {len(tables)} tables are whole"
        f"{_lossy(broken)}, "
        f"{sum(each.stray_rows for each in tables)} rows were found beside the others, "
        f"{new.execute(_WAITING).fetchone()[0]} messages wait to be sent, {losses.summary}"
    )
    return losses._replace(summary=summary)


def _carry(image: Image, tables: Sequence[Table], sound_roots: Roots) -> list[Table]:
    """Copy the rows of tables; return the tables that could not be read completely."""
    schema = _schema(image)
    is_whole = bool(schema) and not image.damages
    roots = {**sound_roots, **schema}
    broken = []
    for table in tables:
        root, before = roots.pop(table.name, 0), image.damages
        misfits = [1 for row in image.rows(root) if not table.try_insert(row)] if root else []
        if misfits or image.damages > before or not (root or is_whole):
            broken.append(table)
    for root in roots.values():  # indexes: their pages are in use
        _pass_by(image, root)
    # A page in the wrong place may make a tree whole without its rows; but what is free must be
    # told from what has no place.
    searched = tables if image.has_complete_free_list() else broken
    _find(image, [each for each in searched if each.name not in _ALIKE])
    return broken


def _schema(image: Image) -> dict[str, int]:
    """Return the root pages according to the file."""
    roots = dict[str, int]()
    for row in image.rows(1):
        match row.values:
            case [_, str(name), _, int(root), _] if root > 0:
                roots[name] = root
    return roots


def _find(image: Image, tables: Sequence[Table]) -> None:
    """Look for rows outside trees; for bodies last, because only messages tell whose they are."""
    for are_bodies in (False, True):
        if wanted := [each for each in tables if (each.name in BODIES) == are_bodies]:
            for row in image.stray_rows():
                for table in wanted:
                    table.take(row)


def _pass_by(image: Image, root: int) -> None:
    for _ in image.rows(root):
        pass


def _tables(new: sqlite3.Connection) -> list[Table]:
    names = new.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    return [Table(new, name) for (name,) in names.fetchall() if name not in _DERIVED]


def _run(connection: sqlite3.Connection, script: str) -> None:
    for statement in _statements(script):
        connection.execute(statement)


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _crc32(content: bytes | None) -> int | None:
    return None if content is None else zlib.crc32(content)


def _lossy(tables: Sequence[Table]) -> str:
    """Name tables that may have lost rows, and what was lost with them."""
    names = ", ".join(each.name for each in tables)
    return f" ({names} may have lost rows)" if names else ""


def _count_on(new: sqlite3.Connection) -> None:
    """Advance the counters so that no id is used twice, and nothing is reported twice."""
    read = dict[str, int](new.execute("SELECT name, value FROM counters").fetchall())
    newest = new.execute(_NEWEST).fetchone()[0]
    epoch = read["epoch"] if "epoch" in read else newest + EPOCH_LEAP
    new.execute("INSERT OR REPLACE INTO counters VALUES ('epoch', ?)", (max(epoch, newest),))
    if "reported" not in read:
        new.execute(
            "INSERT OR REPLACE INTO counters SELECT 'reported', coalesce(max(seq), 0) FROM messages"
        )
