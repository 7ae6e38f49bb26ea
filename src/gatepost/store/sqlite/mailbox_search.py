"""Finds the entries of a mailbox that match terms, newest first.

A search for words reads the blocks that have them (``mailbox_vocabulary``). Other searches read
span after span, so that a page is there long before all entries were compared.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Any, Final

from gatepost.queue.mailbox_contract import (
    ArrivedAfter,
    HasId,
    InInbox,
    ListedEntry,
    MailboxCount,
    MailboxPage,
    Terms,
)
from gatepost.store.sqlite.mailbox_terms import SEPARATOR, where, where_within
from gatepost.store.sqlite.mailbox_vocabulary import BlockFilter, Span, candidates
from gatepost.store.sqlite.queries import read_queries
from gatepost.store.stored_values import read_time

SQL: Final = read_queries("mailbox.sql")
COUNTING: Final = 0.04
"""Seconds after which a page that is complete is returned, though not all matches were counted."""
MANY: Final = 4_096
"""Numbers in a span, if no words are searched."""
_ALL: Final = -1
"""A LIMIT without a limit."""

Row = tuple[Any, ...]


def matching(
    connection: sqlite3.Connection, query: str, terms: Terms, *before: Any
) -> Sequence[Row]:
    """Return the rows of a query for all entries that match, newest first; of ``count`` one for
    each span. ``before`` are the values before those of the terms."""
    blocks = BlockFilter(terms)
    condition, values = where_within(terms) if blocks else where(terms)
    sql = SQL[query].format(terms=condition)
    if not blocks:
        return connection.execute(sql, (*before, *values)).fetchall()
    rows: list[Row] = []
    for span in candidates(connection, blocks, _extent(connection, terms)):
        rows += connection.execute(sql, (*before, *span, *values))
    return rows


def count(connection: sqlite3.Connection, terms: Terms) -> MailboxCount:
    """Count the entries that match."""
    rows = matching(connection, "count", terms)
    return MailboxCount(sum(messages for messages, _ in rows), sum(unread for _, unread in rows))


def find_page(
    connection: sqlite3.Connection, terms: Terms, limit: int | None, start: int
) -> MailboxPage:
    """Return matching entries from number ``start`` on, at most ``limit``; None: all."""
    if not terms:
        values = _ALL if limit is None else max(0, limit), start
        listed = connection.execute(SQL["list"], values).fetchall()
        return MailboxPage(list(map(_listed, listed)), count(connection, ()))
    deadline, end = monotonic() + COUNTING, None if limit is None else start + max(0, limit)
    seqs, messages, unread, counted_all = list[int](), 0, 0, True
    for rows in _batches(connection, terms):
        if limit and messages > (end or 0) and monotonic() > deadline:
            counted_all = False
            break
        if end is None or messages < end:
            seqs += [seq for seq, _ in rows]
        messages += len(rows)
        unread += sum(not is_read for _, is_read in rows)
    listed = connection.execute(SQL["list_some"], (json.dumps(seqs[start:end]),)).fetchall()
    return MailboxPage(list(map(_listed, listed)), MailboxCount(messages, unread), counted_all)


def _batches(connection: sqlite3.Connection, terms: Terms) -> Iterator[Sequence[Row]]:
    """Yield the number and the read mark of matching entries, newest first."""
    if _has_index(terms):
        condition, values = where(terms)
        rows = connection.execute(SQL["matches"].format(terms=condition), values).fetchall()
        yield sorted(rows, reverse=True)
        return
    condition, values = where_within(terms)
    sql = SQL["matches"].format(terms=condition)
    for span in _spans(connection, terms):
        yield connection.execute(sql, (*span, *values)).fetchall()[::-1]


def _has_index(terms: Terms) -> bool:
    """Tell whether SQLite finds the entries without reading them all."""
    conditions = [each.condition for each in terms if not each.is_negated]
    return any(isinstance(each, HasId) for each in conditions) or all(
        isinstance(each.condition, InInbox) for each in terms
    )


def _spans(connection: sqlite3.Connection, terms: Terms) -> Iterator[Span]:
    """Yield the spans in which entries may match, newest first."""
    extent = _extent(connection, terms)
    blocks = BlockFilter(terms)
    found = candidates(connection, blocks, extent) if blocks else iter([extent])
    for lowest, highest in found:
        for last in range(highest, lowest - 1, -MANY):
            yield max(lowest, last - MANY + 1), last


def _extent(connection: sqlite3.Connection, terms: Terms) -> Span:
    """Return the span of all entries; without entries, its last number is the lower one."""
    lowest, highest = connection.execute(SQL["extent"]).fetchone()
    for term in terms:
        if isinstance(term.condition, ArrivedAfter):
            if term.is_negated:
                highest = min(highest, term.condition.seq)
            else:
                lowest = max(lowest, term.condition.seq + 1)
    return lowest, highest


def _listed(row: Row) -> ListedEntry:
    seq, id_, received_at, size, is_read, tags, lane, summary = row
    at = read_time(received_at)
    return ListedEntry(seq, str(id_), at, size, bool(is_read), split(tags), str(lane), str(summary))


def split(tags: Any) -> tuple[str, ...]:
    """Return the tags of an entry."""
    return tuple(str(tags).strip(SEPARATOR).split(SEPARATOR)) if tags else ()
