"""The mailbox in SQLite: reads in a thread of its own, writes in the groups of the store thread.

A search may compare all entries. So it has its own connection, too: deliveries and listings of
others do not wait for it.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from gatepost.queue.mailbox_contract import (
    HasTag,
    InboxCount,
    MailboxCount,
    MailboxEntry,
    MailboxPage,
    Term,
    Terms,
)
from gatepost.queue.reports_contract import Unread
from gatepost.store.sqlite.group_writes import PAGE, RunChange, Transaction
from gatepost.store.sqlite.mailbox_search import SQL, count, find_page, matching, split
from gatepost.store.sqlite.mailbox_terms import joined
from gatepost.store.sqlite.mailbox_vocabulary import SQL as VOCABULARY
from gatepost.store.sqlite.mailbox_vocabulary import block_of, missing_block, read_vocabulary
from gatepost.store.sqlite.queries import stored_message
from gatepost.store.sqlite.read_thread import ReadThread
from gatepost.store.stored_values import microseconds, read_time

CHANGED: Final = 256
"""Entries changed in one transaction, so that acceptance never waits long."""
P = ParamSpec("P")
T = TypeVar("T")
_TEXTS: Final = ("from", "to", "cc", "bcc", "reply_to", "subject", "message_id")


class SqliteMailbox:
    """Implements ``queue.mailbox_contract.MailboxStore``.

    ``change`` runs a function of a Transaction in the next group, ``read`` one in a thread that
    nobody else uses; ``connect`` opens the connection for it when it is first needed.
    """

    def __init__(
        self,
        change: RunChange,
        read: ReadThread,
        connect: Callable[[], sqlite3.Connection],
        watch: Callable[[Callable[[], None] | None], None],
    ) -> None:
        self._change, self._read, self._connect, self.watch = change, read, connect, watch
        self._reading: sqlite3.Connection | None = None
        self._newest_block, self._is_prepared = 0, False
        """The block that has not all its entries yet; whether all others have their vocabulary."""

    def close(self) -> None:
        """Finish the reads that were begun."""
        self._read.stop()
        if self._reading is not None:
            self._reading.close()

    async def newest(self) -> int:
        return int((await self._rows(SQL["newest"]))[0][0])

    async def cursor(self) -> int:
        return int((await self._rows(SQL["get_cursor"]))[0][0])

    async def read_on(self, limit: int, after: int = 0) -> Sequence[Unread]:
        rows = await self._rows(SQL["read_on"], after, limit)
        return [Unread(row[0], stored_message(row)) for row in rows]

    async def record(self, cursor: int, entries: Iterable[MailboxEntry]) -> None:
        await self._change(_record, cursor, tuple(entries))
        if block_of(cursor + 1) > self._newest_block:
            self._newest_block, self._is_prepared = block_of(cursor + 1), False

    async def page(self, terms: Terms, limit: int | None = None, start: int = 0) -> MailboxPage:
        return await self._search(find_page, terms, limit, start)

    async def count(self, terms: Terms = ()) -> MailboxCount:
        return await self._search(count, terms)

    async def ids(self, terms: Terms) -> Sequence[str]:
        return [id_ for _, id_ in await self._search(matching, "ids", terms)]

    async def mark(self, terms: Terms, *, is_read: bool) -> Sequence[str]:
        rows = await self._search(matching, "ids_to_mark", terms, int(not is_read))
        await self._change_all("mark", [(int(is_read), seq) for seq, _ in rows])
        return [id_ for _, id_ in rows]

    async def set_tags(self, ids: Iterable[str], tags: Iterable[str]) -> Sequence[str]:
        value = joined(sorted(tags))
        return await self._change(_set_tags, value, tuple(dict.fromkeys(ids)))

    async def replace_tag(self, tag: str, by: str | None, terms: Terms = ()) -> Sequence[str]:
        rows = await self._search(matching, "tagged", (*terms, Term(HasTag(tag))))
        changed = []
        for seq, _, tags in rows:
            left = {each for each in split(tags) if each != tag}
            changed.append((joined(sorted(left | {by} if by is not None else left)), seq))
        await self._change_all("tag", changed)
        return [id_ for _, id_, _ in rows]

    async def tags(self, terms: Terms = ()) -> Mapping[str, int]:
        counts: Counter[str] = Counter()
        for tags, number in await self._search(matching, "tags", terms):
            for tag in split(tags):
                counts[tag] += number
        return {tag: counts[tag] for tag in sorted(counts, key=lambda each: (each.lower(), each))}

    async def inboxes(self) -> Sequence[InboxCount]:
        return [
            InboxCount(kind, name, MailboxCount(messages, unread), read_time(last_at))
            for kind, name, messages, unread, last_at in await self._rows(SQL["inboxes"])
        ]

    async def prepare_search(self) -> int:
        found = None if self._is_prepared else await self._search(missing_block)
        if found is None:
            self._is_prepared = True
            return 0
        vocabulary = await self._search(read_vocabulary, found)
        await self._change(_record_vocabulary, vocabulary)
        return 1

    async def _search(
        self,
        search: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Return the result of a search, all of whose statements see the same entries."""

        def run() -> T:
            connection = self._connection()
            connection.execute("BEGIN")
            try:
                return search(connection, *args, **kwargs)
            finally:
                connection.execute("COMMIT")

        return await self._read(run)

    async def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return await self._read(lambda: self._connection().execute(query, values).fetchall())

    def _connection(self) -> sqlite3.Connection:
        if self._reading is None:
            self._reading = self._connect()
        return self._reading

    async def _change_all(self, query: str, rows: Sequence[tuple[Any, ...]]) -> None:
        for at in range(0, len(rows), CHANGED):
            await self._change(_write, query, rows[at : at + CHANGED])


def _record(transaction: Transaction, cursor: int, entries: Sequence[MailboxEntry]) -> None:
    many = transaction.connection.executemany
    many(SQL["insert_entry"], map(_row, entries))
    many(
        SQL["insert_contents"], [(each.seq, each.summary, each.texts["words"]) for each in entries]
    )
    transaction.connection.execute(SQL["set_cursor"], (cursor,))
    transaction.ledger.pages += 1 + len(entries)


def _record_vocabulary(transaction: Transaction, vocabulary: tuple[int, int, bytes]) -> None:
    transaction.connection.execute(VOCABULARY["insert_vocabulary"], vocabulary)
    transaction.ledger.pages += 1 + len(vocabulary[-1]) // PAGE


def _set_tags(transaction: Transaction, tags: str, ids: Sequence[str]) -> Sequence[str]:
    execute = transaction.connection.execute
    transaction.ledger.pages += len(ids)
    return [each for each in ids if execute(SQL["set_tags"], (tags, each)).rowcount]


def _write(transaction: Transaction, query: str, rows: Sequence[tuple[Any, ...]]) -> None:
    transaction.connection.executemany(SQL[query], rows)
    transaction.ledger.pages += len(rows)


def _row(entry: MailboxEntry) -> tuple[Any, ...]:
    return (
        entry.seq,
        microseconds(entry.received_at),
        entry.size,
        int(entry.is_read),
        entry.attachments,
        entry.inlines,
        entry.application,
        entry.username,
        entry.lane,
        joined(sorted(entry.tags)),
        joined(sorted(entry.keys)),
        *[entry.texts.get(name, "") for name in _TEXTS],
    )
