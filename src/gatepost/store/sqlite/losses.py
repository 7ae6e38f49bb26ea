"""What a damaged file still says of rows that cannot be read, so that each is named or made up for.

Indexes repeat ids, places and who waits; numbers of messages have no gaps but for those forgotten.
"""

import sqlite3
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from gatepost.model.delivery import Attempt, Contact
from gatepost.model.reply import Reply
from gatepost.store.sqlite.delivery_rows import read_time, write_history
from gatepost.store.sqlite.pages import Image
from gatepost.store.sqlite.segments import name_of

_NAMED: Final = 10
"""Messages that a sentence names at most, of each kind; ``named`` has all."""
_UNKNOWN: Final = "unknown-"
"""How the id begins that a message gets whose own is lost."""
_TEMPORARY: Final = """
CREATE TEMP TABLE gone_ids (seq INTEGER PRIMARY KEY, id TEXT);
CREATE TEMP TABLE gone_captured (seq INTEGER PRIMARY KEY, id TEXT);
CREATE TEMP TABLE gone_places (
    seq INTEGER PRIMARY KEY, segment INTEGER, place INTEGER, size INTEGER
);
CREATE TEMP TABLE gone_settled (seq INTEGER PRIMARY KEY, settled INTEGER);
CREATE TEMP TABLE gone_parts (
    message INTEGER, part INTEGER, hop TEXT, PRIMARY KEY (message, part)
);
CREATE TEMP TABLE orphans (seq INTEGER PRIMARY KEY);
"""
_NOT_SETTLED: Final = "(due IS NOT NULL OR epoch IS NOT NULL OR held = 1)"
_NO_MESSAGE: Final = "WHERE NOT EXISTS (SELECT 1 FROM queue_messages WHERE seq = {})"
_NO_DELIVERY: Final = (
    "WHERE NOT EXISTS (SELECT 1 FROM queue_deliveries WHERE message = {} AND part = {})"
)
_INDEXES: Final[Mapping[str, tuple[tuple[type, ...], str]]] = {
    "sqlite_autoindex_queue_messages_1": (
        (str, int), f"gone_ids SELECT ?2, ?1 {_NO_MESSAGE.format('?2')}",
    ),
    "sqlite_autoindex_messages_1": (
        (str, int),
        "gone_captured SELECT ?2, ?1 WHERE NOT EXISTS (SELECT 1 FROM messages WHERE seq = ?2)",
    ),
    "queue_messages_by_segment": (
        (int, int, int, int), f"gone_places SELECT ?4, ?1, ?2, ?3 {_NO_MESSAGE.format('?4')}",
    ),
    "queue_messages_settled": (
        (int, int), f"gone_settled SELECT ?2, ?1 {_NO_MESSAGE.format('?2')}",
    ),
    "queue_deliveries_due": (
        (str, int, int, int), f"gone_parts SELECT ?3, ?4, ?1 {_NO_DELIVERY.format('?3', '?4')}",
    ),
    "queue_deliveries_leased": (
        (int, str, int, int), f"gone_parts SELECT ?3, ?4, ?2 {_NO_DELIVERY.format('?3', '?4')}",
    ),
    "queue_deliveries_held": (
        (str, int, int), f"gone_parts SELECT ?2, ?3, ?1 {_NO_DELIVERY.format('?2', '?3')}",
    ),
    "queue_deliveries_notice": (
        (int, int, int), f"gone_parts SELECT ?2, ?3, '' {_NO_DELIVERY.format('?2', '?3')}",
    ),
}  # fmt: skip
"""What a row of each looks like, and what it tells (``schema_4.sql``)."""
_RECEIVED: Final = """coalesce(
    (SELECT received_at FROM queue_messages WHERE seq <= {} ORDER BY seq DESC LIMIT 1), 0)"""

_PARTS: Final = f"""
INSERT INTO queue_deliveries (message, part, hop, held, token, expires, notice, addressees)
    SELECT message, part, hop, 1, 0, {_RECEIVED.format("message")},
           {_RECEIVED.format("message")}, '[]'
    FROM gone_parts WHERE message NOT IN (SELECT seq FROM gone_settled)
        AND message NOT IN (SELECT seq FROM queue_messages WHERE settled IS NOT NULL);
"""  # noqa: S608 (constants)
# What lay between two that are left was numbered from 0 on; what lay behind the last one of them
# stood beside what the next message has lost.
_BETWEEN: Final = f"""
INSERT OR IGNORE INTO gone_parts
    SELECT message, part - 1, '' FROM queue_deliveries AS d WHERE part > 0 AND NOT EXISTS (
        SELECT 1 FROM queue_deliveries WHERE message = d.message AND part = d.part - 1)
    AND EXISTS (SELECT 1 FROM queue_deliveries WHERE message = d.message AND {_NOT_SETTLED})
"""  # noqa: S608
# A message is settled with the last of its deliveries.
_LAST: Final = f"""
INSERT INTO gone_parts
    SELECT seq, coalesce((SELECT max(part) + 1 FROM queue_deliveries WHERE message = seq), 0), ''
    FROM queue_messages WHERE settled IS NULL AND seq NOT IN (SELECT message FROM gone_parts)
        AND seq NOT IN (SELECT message FROM queue_deliveries WHERE {_NOT_SETTLED})
"""  # noqa: S608
_EDGES: Final = """
SELECT id FROM queue_messages AS m WHERE settled IS NULL
    AND EXISTS (SELECT 1 FROM queue_deliveries WHERE message = m.seq)
    AND NOT EXISTS (SELECT 1 FROM queue_deliveries WHERE message = m.seq + 1)
    AND EXISTS (SELECT 1 FROM queue_messages WHERE seq = m.seq + 1
                UNION ALL SELECT 1 FROM gone_ids WHERE seq = m.seq + 1)
"""
_ORPHANS: Final = f"""
INSERT INTO orphans SELECT DISTINCT message FROM queue_deliveries
    WHERE {_NOT_SETTLED} AND message NOT IN (SELECT seq FROM queue_messages);
INSERT OR IGNORE INTO queue_messages (seq, id, received_at, mail_from, subject, message_id,
                                      principal, trace, size, checksum, segment, "offset")
    SELECT seq, coalesce(id, '{_UNKNOWN}' || seq), {_RECEIVED.format("orphans.seq")},
           '', '', '', '', X'', coalesce(length(content), size, 0),
           coalesce(crc32(content), crc32_there(segment, place, size), 0),
           iif(content IS NULL, segment, NULL), iif(content IS NULL, place, NULL)
    FROM orphans LEFT JOIN gone_ids USING (seq) LEFT JOIN gone_places USING (seq)
        LEFT JOIN queue_bodies USING (seq);
"""  # noqa: S608
_HOLD: Final = f"""
UPDATE queue_deliveries SET due = NULL, epoch = NULL, held = 1, history = ?
    WHERE {_NOT_SETTLED} AND message IN (SELECT seq FROM orphans)
"""  # noqa: S608
_WITHOUT_RECIPIENTS: Final = """
SELECT id FROM queue_messages WHERE settled IS NULL
    AND seq IN (SELECT message FROM gone_parts NATURAL JOIN queue_deliveries) ORDER BY seq
"""
_WITHOUT_CONTENT: Final = """
SELECT id FROM queue_messages
    WHERE settled IS NULL AND segment IS NULL AND seq NOT IN (SELECT seq FROM queue_bodies)
        AND seq IN (SELECT message FROM queue_deliveries) ORDER BY seq
"""
_WITHOUT_SENDER: Final = "SELECT id FROM orphans NATURAL JOIN queue_messages ORDER BY seq"
_LOST: Final = """
SELECT id FROM gone_captured WHERE id NOT IN (SELECT id FROM messages) UNION ALL
SELECT id FROM gone_ids WHERE seq NOT IN (SELECT seq FROM queue_messages)
    AND seq NOT IN (SELECT seq FROM gone_settled)
    AND seq NOT IN (SELECT message FROM queue_deliveries)
"""
# What was settled last is forgotten last: a number is not forgotten if all that is known of what
# was settled had its end before the message was received.
_GAPS: Final = f"""
WITH known AS (
    SELECT seq, id, received_at FROM queue_messages WHERE id NOT LIKE '{_UNKNOWN}%'
), numbers AS (
    SELECT seq FROM known UNION SELECT seq FROM gone_ids UNION SELECT seq FROM gone_settled
    UNION SELECT message FROM queue_deliveries
        WHERE message NOT IN (SELECT seq FROM queue_messages WHERE id LIKE '{_UNKNOWN}%')
), forgotten AS (
    SELECT min(settled) AS until FROM (
        SELECT settled FROM queue_messages WHERE settled IS NOT NULL
        UNION ALL SELECT settled FROM gone_settled)
), gaps AS (
    SELECT lag(seq) OVER (ORDER BY seq) AS before, seq AS behind FROM numbers
)
SELECT behind - before - 1,
       (SELECT id FROM known WHERE seq <= before ORDER BY seq DESC LIMIT 1),
       (SELECT received_at FROM known WHERE seq <= before ORDER BY seq DESC LIMIT 1) AS at,
       (SELECT id FROM known WHERE seq >= behind ORDER BY seq LIMIT 1),
       EXISTS (SELECT 1 FROM queue_messages WHERE seq = before AND settled IS NULL)
FROM gaps, forgotten WHERE behind - before > 1 AND at >= until ORDER BY behind
"""  # noqa: S608
_NEWEST: Final = f"""
SELECT * FROM (SELECT id, received_at FROM queue_messages
    WHERE id NOT LIKE '{_UNKNOWN}%' ORDER BY seq DESC LIMIT 1)
UNION ALL SELECT * FROM (SELECT id, received_at FROM messages ORDER BY seq DESC LIMIT 1)
ORDER BY received_at DESC LIMIT 1
"""  # noqa: S608


class Losses(NamedTuple):
    """What is missing: as part of a sentence, and all of it."""

    said: str
    named: list[dict[str, Any]]


def prepare(new: sqlite3.Connection, segments: Path) -> None:
    """Make room for what ``note`` finds. Raises sqlite3.Error."""
    new.executescript(_TEMPORARY)
    new.create_function(
        "crc32_there", 3, lambda *place: _checksum(segments, *place), deterministic=True
    )


def note(new: sqlite3.Connection, image: Image, roots: Mapping[str, int]) -> None:
    """Read in the indexes of a damaged file what no table that was carried has."""
    for name, (form, tells) in _INDEXES.items():
        for row in image.rows(roots[name]) if name in roots else ():
            if tuple(map(type, row.values)) == form:
                new.execute(f"INSERT OR IGNORE INTO {tells}", row.values)


def make_up(new: sqlite3.Connection, *, is_cut: bool) -> Losses:
    """Hold deliveries and messages of which a part is left; tell what is missing of each.

    ``is_cut``: the end of the file is missing, where the newest lie.
    """
    edges = dict.fromkeys(_ids(new, _EDGES))
    new.execute(_BETWEEN)
    new.execute(_LAST)
    new.execute(_PARTS)
    for statement in _ORPHANS.split(";\n"):
        new.execute(statement)
    new.execute(_HOLD, (_why(new),))
    kinds = [
        (_ids(new, _WITHOUT_CONTENT), "content", "of them without their content"),
        (_ids(new, _WITHOUT_RECIPIENTS), "recipients", "held without recipients"),
        (_ids(new, _WITHOUT_SENDER), "sender", "held without their sender"),
        (_ids(new, _LOST), "message", "gone but for their ids"),
    ]
    gaps = new.execute(_GAPS).fetchall()
    edges |= dict.fromkeys(row[1] for row in gaps if row[-1])
    if edges:
        kinds.append((list(edges), "perhaps recipients", "may have lost recipients"))
    said = [f"{_few(ids)} {words}" for ids, _, words in kinds]
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
        said.append(f"of {count} not even the id is known, between {_first(between)}")
    if is_cut and (newest := newest_of(new)):
        said.append(f"the end of the file is missing: nothing may be left of mail after {newest}")
        named.append({"after": newest, "lost": "message"})
    return Losses(", ".join(said), named)


def newest_of(connection: sqlite3.Connection) -> str:
    """Return the newest message's id, and when it was received; empty when there is none."""
    row = connection.execute(_NEWEST).fetchone()
    return f"{row[0]} ({_clock(row[1])})" if row else ""


def _ids(new: sqlite3.Connection, query: str) -> list[str]:
    return [row[0] for row in new.execute(query)]


def _few(ids: list[str]) -> str:
    return f"{len(ids)} ({_first(ids)})" if ids else "0"


def _first(names: list[str]) -> str:
    return ", ".join([*names[:_NAMED], *["..."][: len(names) > _NAMED]])


def _clock(at: int) -> str:
    return f"{read_time(at):%Y-%m-%dT%H:%M:%SZ}"


def _why(new: sqlite3.Connection) -> str | None:
    """The history of what is held without its sender, for ``queue why``."""
    [at] = new.execute("SELECT coalesce(max(received_at), 0) FROM queue_messages").fetchone()
    reason = "its sender is lost, and were it released, it would go as from nobody"
    reply = Reply(451, "4.3.0 damaged", reason=reason)
    return write_history([Attempt(read_time(at), Contact("the damaged store"), "", reply, False)])


def _checksum(segments: Path, segment: Any, offset: Any, size: Any) -> int | None:
    """Return the CRC-32 of what is there now: nobody knows any more what it was."""
    if None in (segment, offset, size):
        return None
    try:
        with (segments / name_of(segment)).open("rb") as file:
            file.seek(offset)
            return zlib.crc32(file.read(size))
    except (OSError, ValueError):
        return 0
