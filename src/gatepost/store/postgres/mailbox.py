"""The mailbox in PostgreSQL: reads in a thread of its own, because a search may compare all
entries, and others need not wait for it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from gatepost.queue.mailbox_contract import (
    HasTag,
    InboxCount,
    Is,
    ListedEntry,
    MailboxCount,
    MailboxEntry,
    MailboxPage,
    Term,
    Terms,
)
from gatepost.queue.reports_contract import Unread
from gatepost.store.postgres.arrays import numbers, texts
from gatepost.store.postgres.changes import DatabaseChanges
from gatepost.store.postgres.connections import Connection
from gatepost.store.postgres.mailbox_terms import where
from gatepost.store.postgres.message_rows import is_storable, stored_message
from gatepost.store.postgres.readers import Readers
from gatepost.store.postgres.statements import SQL
from gatepost.store.stored_values import legible, microseconds, read_time

CHANGED: Final = 256
"""Entries changed in one transaction, so that others never wait long."""
_TEXTS: Final = ("from", "to", "cc", "bcc", "reply_to", "subject", "message_id")


class PostgresMailbox:
    """Implements ``queue.mailbox_contract.MailboxStore``.

    ``change`` runs a function in a transaction, ``read`` one in a thread that nobody else uses.
    """

    def __init__(
        self,
        change: DatabaseChanges,
        read: Readers,
        watch: Callable[[Callable[[], None] | None], None],
    ) -> None:
        self._change, self._read, self.watch = change, read, watch

    async def newest(self) -> int:
        return int((await self._rows(SQL["newest_seq"]))[0][0])

    async def cursor(self) -> int:
        return int((await self._rows(SQL["get_counter"], "indexed"))[0][0])

    async def read_on(self, limit: int, after: int = 0) -> Sequence[Unread]:
        rows = await self._rows(SQL["read_unindexed"], after, limit)
        return [Unread(row[0], stored_message(row)) for row in rows]

    async def record(self, cursor: int, entries: Iterable[MailboxEntry]) -> None:
        await self._change(_record, cursor, tuple(entries))

    async def page(self, terms: Terms, limit: int | None = None, start: int = 0) -> MailboxPage:
        return await self._read(_page, terms, None if limit is None else max(0, limit), start)

    async def prepare_search(self) -> int:
        return 0

    async def count(self, terms: Terms = ()) -> MailboxCount:
        return MailboxCount(*(await self._matching("count_entries", terms))[0])

    async def ids(self, terms: Terms) -> Sequence[str]:
        return [id_ for _, id_ in await self._matching("entry_ids", terms)]

    async def mark(self, terms: Terms, *, is_read: bool) -> Sequence[str]:
        others = (*terms, Term(Is("read"), is_negated=is_read))
        rows = await self._matching("entry_ids", others)
        for at in range(0, len(rows), CHANGED):
            seqs = numbers([seq for seq, _ in rows[at : at + CHANGED]])
            await self._change(_execute, "mark_entries", is_read, seqs)
        return [id_ for _, id_ in rows]

    async def set_tags(self, ids: Iterable[str], tags: Iterable[str]) -> Sequence[str]:
        wanted = [each for each in dict.fromkeys(ids) if is_storable(each)]
        changed = await self._change(_set_tags, sorted(tags), wanted)
        return [each for each in wanted if each in changed]

    async def replace_tag(self, tag: str, by: str | None, terms: Terms = ()) -> Sequence[str]:
        rows = await self._matching("entry_tags", (*terms, Term(HasTag(tag))))
        changed: list[tuple[list[str], int]] = []
        for seq, _, tags in rows:
            left = {*tags} - {tag} | ({by} if by is not None else set())
            changed.append((sorted(left), seq))
        for at in range(0, len(changed), CHANGED):
            await self._change(_replace_tags, changed[at : at + CHANGED])
        return [id_ for _, id_, _ in rows]

    async def tags(self, terms: Terms = ()) -> Mapping[str, int]:
        counts = dict(await self._matching("count_tags", terms))
        return {tag: counts[tag] for tag in sorted(counts, key=lambda each: (each.lower(), each))}

    async def inboxes(self) -> Sequence[InboxCount]:
        return [
            InboxCount(kind, name, MailboxCount(messages, unread), read_time(last_at))
            for kind, name, messages, unread, last_at in await self._rows(SQL["inboxes"])
        ]

    async def _matching(self, query: str, terms: Terms) -> list[Any]:
        condition, values = where(terms)
        return await self._rows(SQL[query].replace("{terms}", condition), *values)

    async def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return await self._read(lambda each: each.execute(query, values, prepare=False).fetchall())


def _page(connection: Connection, terms: Terms, limit: int | None, start: int) -> MailboxPage:
    condition, values = where(terms)
    page, count = (
        SQL[each].replace("{terms}", condition) for each in ("list_entries", "count_entries")
    )
    # so that the page and the numbers agree
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", prepare=False)
    rows = connection.execute(page, (*values, limit, start), prepare=False).fetchall()
    entries = [_listed(row) for row in rows]
    if start == 0 and len(entries) != limit:  # these are all: one search is enough
        counts = (len(entries), sum(not each.is_read for each in entries))
    else:
        messages, unread = connection.execute(count, values, prepare=False).fetchone() or (0, 0)
        counts = (messages, unread)
    connection.execute("COMMIT", prepare=False)
    return MailboxPage(entries, MailboxCount(*counts))


def _record(connection: Connection, cursor: int, entries: Sequence[MailboxEntry]) -> None:
    with connection.pipeline():
        for each in entries:
            connection.execute(SQL["insert_entry"], (*_row(each), each.seq))
            contents = (legible(each.summary), legible(each.texts["words"]), each.seq)
            connection.execute(SQL["insert_contents"], contents)
        connection.execute(SQL["set_indexed"], (cursor,))


def _set_tags(connection: Connection, tags: Sequence[str], ids: Sequence[str]) -> set[str]:
    rows = connection.execute(SQL["set_tags"], (texts([*map(legible, tags)]), texts(ids)))
    return {id_ for (id_,) in rows.fetchall()}


def _replace_tags(connection: Connection, changed: Sequence[tuple[Sequence[str], int]]) -> None:
    with connection.pipeline():
        for tags, seq in changed:
            connection.execute(SQL["replace_tag"], (texts([*map(legible, tags)]), seq))


def _execute(connection: Connection, query: str, *values: Any) -> None:
    connection.execute(SQL[query], values)


def _row(entry: MailboxEntry) -> tuple[Any, ...]:
    return (
        entry.seq,
        microseconds(entry.received_at),
        entry.size,
        entry.is_read,
        entry.attachments,
        entry.inlines,
        legible(entry.application),
        legible(entry.username),
        legible(entry.lane),
        texts([legible(each) for each in sorted(entry.tags)]),
        texts([legible(each) for each in sorted(entry.keys)]),
        *[legible(entry.texts.get(name, "")) for name in _TEXTS],
    )


def _listed(row: Sequence[Any]) -> ListedEntry:
    seq, id_, received_at, size, is_read, tags, lane, summary = row
    return ListedEntry(seq, id_, read_time(received_at), size, is_read, tuple(tags), lane, summary)
