"""What a damaged file still says about unreadable rows, so that each is reported or reconstructed.

Indexes repeat ids, places and waiting deliveries; message numbers have no gaps, except for
forgotten messages.
"""

import os
import sqlite3
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from gatepost.model.delivery import Attempt, Contact
from gatepost.model.reply import Reply
from gatepost.store.delivery_json import write_history
from gatepost.store.sqlite.damaged_pages import Image
from gatepost.store.sqlite.queries import read_queries
from gatepost.store.sqlite.segments import name_of
from gatepost.store.stored_values import read_time

_NAMED: Final = 10
"""Maximum number of messages of each kind in a sentence; ``named`` has all."""
_INDEXES: Final[Mapping[str, tuple[tuple[type, ...], str, tuple[int, ...]]]] = {
    "sqlite_autoindex_queue_messages_1": ((str, int), "note_id", (0, 1)),
    "sqlite_autoindex_messages_1": ((str, int), "note_captured", (0, 1)),
    "queue_messages_by_segment": ((int, int, int, int), "note_place", (0, 1, 2, 3)),
    "queue_messages_settled": ((int, int), "note_settled", (0, 1)),
    "queue_deliveries_due": ((str, int, int, int), "note_part", (2, 3, 0)),
    "queue_deliveries_leased": ((int, str, int, int), "note_part", (2, 3, 1)),
    "queue_deliveries_held": ((str, int, int), "note_part", (1, 2, 0)),
    "queue_deliveries_notice": ((int, int, int), "note_part_of_nowhere", (1, 2)),
}
"""For each index: the types of its rows, the statement that records them, and its values."""
_MAKE_UP: Final = ("parts_between", "last_parts", "insert_parts", "find_orphans", "insert_orphans")
_SQL: Final = read_queries("losses.sql")


class Losses(NamedTuple):
    """What is missing: as part of a sentence, and completely."""

    summary: str
    named: list[dict[str, Any]]


def prepare(new: sqlite3.Connection, segments: Path) -> None:
    """Create the tables for ``note``. Raises sqlite3.Error."""
    new.executescript(_SQL["prepare"])
    new.create_function(
        "crc32_there", 3, lambda *place: _checksum(segments, *place), deterministic=True
    )


def note(new: sqlite3.Connection, image: Image, roots: Mapping[str, int]) -> None:
    """Read from the indexes of a damaged file what no copied table has."""
    for name, (form, statement, places) in _INDEXES.items():
        for row in image.rows(roots[name]) if name in roots else ():
            if tuple(map(type, row.values)) == form:
                new.execute(_SQL[statement], [row.values[place] for place in places])


def make_up(new: sqlite3.Connection, *, is_cut: bool) -> Losses:
    """Hold deliveries and messages of which a part is left; return what is missing of each.

    ``is_cut``: the end of the file, with the newest ones, is missing.
    """
    edges = dict.fromkeys(_ids(new, "edges"))
    for statement in _MAKE_UP:
        new.execute(_SQL[statement])
    new.execute(_SQL["hold_orphans"], (_why(new),))
    kinds = [
        (_ids(new, "without_content"), "content", "of them without their content"),
        (_ids(new, "without_recipients"), "recipients", "held without recipients"),
        (_ids(new, "without_sender"), "sender", "held without their sender"),
        (_ids(new, "gone"), "message", "of which only the id is left"),
    ]
    gaps = new.execute(_SQL["gaps"]).fetchall()
    edges |= dict.fromkeys(row[1] for row in gaps if row[-1])
    if edges:
        kinds.append((list(edges), "perhaps recipients", "may have lost recipients"))
    phrases = [f"{_few(ids)} {words}" for ids, _, words in kinds if ids]
    named: list[dict[str, Any]] = [
        {"id": id_, "lost": what} for ids, what, _ in kinds for id_ in ids
    ]
    named += [
        {"after": after, "time": _clock(at), "before": before, "lost": "message", "count": count}
        for count, after, at, before, _ in gaps
    ]
    if gaps:
        between = list(dict.fromkeys(f"{after} and {before}" for _, after, _, before, _ in gaps))
        count = sum(row[0] for row in gaps)
        phrases.append(f"of {count} not even the id is known, between {_first(between)}")
    if is_cut and (newest := newest_of(new)):
        phrases.append(
            f"the end of the file is missing: nothing may be left of mail after {newest}"
        )
        named.append({"after": newest, "lost": "message"})
    return Losses(", ".join(phrases or ["all of them whole"]), named)


def newest_of(connection: sqlite3.Connection) -> str:
    """Return the newest message's id, and when it was received; empty if there is none."""
    row = connection.execute(_SQL["newest"]).fetchone()
    return f"{row[0]} ({_clock(row[1])})" if row else ""


def _ids(new: sqlite3.Connection, query: str) -> list[str]:
    return [row[0] for row in new.execute(_SQL[query])]


def _few(ids: list[str]) -> str:
    return f"{len(ids)} ({_first(ids)})"


def _first(names: list[str]) -> str:
    return ", ".join([*names[:_NAMED], *["..."][: len(names) > _NAMED]])


def _clock(at: int) -> str:
    return f"{read_time(at):%Y-%m-%dT%H:%M:%SZ}"


def _why(new: sqlite3.Connection) -> str | None:
    """Return the history of what is held without its sender, for ``queue why``."""
    [at] = new.execute(_SQL["now"]).fetchone()
    reason = "its sender is lost; if it is released, it is sent with an empty sender"
    reply = Reply(451, "4.3.0 damaged", reason=reason)
    return write_history([Attempt(read_time(at), Contact("the damaged store"), "", reply, False)])


def _checksum(segments: Path, segment: Any, offset: Any, size: Any) -> int | None:
    """Return the CRC-32 of the current content, because the original one is unknown."""
    if None in (segment, offset, size):
        return None
    try:
        with (segments / name_of(segment)).open("rb") as file:
            file.seek(offset)
            return zlib.crc32(file.read(min(size, os.fstat(file.fileno()).st_size)))
    except (OSError, ValueError):
        return 0
