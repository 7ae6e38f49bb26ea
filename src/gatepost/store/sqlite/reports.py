"""Reports in SQLite: reads in the reader thread, writes in the groups of the store thread."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from gatepost.model.report import PublishedReport, Report, SuppressedPeriod
from gatepost.queue.reports_contract import Backlog, DeadLetter, Due, ReportSettlement, Unread
from gatepost.store.sqlite.group_writes import RunChange, Transaction
from gatepost.store.sqlite.message_reader import RunRead
from gatepost.store.sqlite.queries import read_queries, stored_message
from gatepost.store.stored_values import EPOCH, UNKNOWN, microseconds, read_time

SQL: Final = read_queries("reports.sql")
EXPIRED: Final = 1000
"""Reports deleted in one transaction."""
_ALL: Final = -1
"""A LIMIT without a limit."""

_encode: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class SqliteReports:
    """Implements ``queue.reports_contract.ReportStore``.

    ``change`` runs a function of a Transaction in the next group, ``read`` one in the reader
    thread, which is the only one that may use ``reading``.
    """

    def __init__(
        self,
        change: RunChange,
        read: RunRead,
        reading: sqlite3.Connection,
        watch: Callable[[Callable[[], None] | None], None],
    ) -> None:
        self._change, self._read, self._reading, self.watch = change, read, reading, watch

    async def read_on(self, limit: int) -> Sequence[Unread]:
        rows = await self._rows("read_on", limit)
        return [Unread(row[0], stored_message(row)) for row in rows]

    async def read_about(self, domain: str, limit: int) -> tuple[Sequence[Unread], int]:
        newest = int((await self._rows("newest_unread"))[0][0])
        rows = await self._rows("read_about", newest, f'%@{domain}"%', limit)
        unread = [Unread(row[0], stored_message(row)) for row in rows]
        return unread, unread[-1].seq if len(unread) == limit else newest

    async def cursor(self) -> int:
        return int((await self._rows("get_cursor"))[0][0])

    async def record(
        self,
        cursor: int | None,
        published: Iterable[PublishedReport],
        periods: Iterable[SuppressedPeriod] = (),
    ) -> None:
        await self._change(record_reports, tuple(published), tuple(periods), cursor)

    async def resend(self, published: PublishedReport, now: datetime) -> None:
        row = _row(published.report)
        await self._change(_resend, row, published.subscriptions, microseconds(now))

    async def suppressed_periods(self) -> Sequence[SuppressedPeriod]:
        rows = await self._rows("list_leases")
        return [_period(row) for row in rows if isinstance(row[0], str)]

    async def forget_suppressed(self, addresses: Iterable[str] | None) -> int:
        wanted = None if addresses is None else tuple(addresses)
        return await self._change(_forget_suppressed, wanted)

    async def list_reports(
        self, message: str | None = None, limit: int | None = None
    ) -> Sequence[Report]:
        most = _ALL if limit is None else max(0, limit)
        if message is None:
            rows = await self._rows("list_reports", most)
        else:
            rows = await self._rows("list_reports_of", message, most)
        return [_report(row) for row in rows]

    async def due(self, subscription: str, now: datetime, limit: int) -> Sequence[Due]:
        rows = await self._rows("due", subscription, microseconds(now), limit)
        return [_due(row) for row in rows]

    async def next_due(self, subscription: str, after: datetime) -> datetime | None:
        due = (await self._rows("next_due", subscription, microseconds(after)))[0][0]
        return None if due is None else read_time(due)

    async def settle(self, subscription: str, settlements: Iterable[ReportSettlement]) -> None:
        await self._change(_settle, subscription, tuple(settlements))

    async def backlog(self, subscription: str) -> Backlog:
        waiting, dead = (await self._rows("backlog", subscription))[0]
        failures = await self._rows("last_failure", subscription)
        return Backlog(waiting, dead, failures[0][0] if failures else "")

    async def dead_letters(self, subscription: str) -> Sequence[DeadLetter]:
        rows = await self._rows("dead_letters", subscription)
        return [
            DeadLetter(
                _report(row[5:]), row[0], row[1], row[2], read_time(row[3]), read_time(row[4])
            )
            for row in rows
        ]

    async def unsubscribe(self, subscriptions: Iterable[str]) -> None:
        await self._change(_many, "unsubscribe", [(each,) for each in subscriptions])

    async def subscribed(self) -> Sequence[str]:
        return [row[0] for row in await self._rows("subscribed")]

    async def expire(self, before: datetime, keep: int) -> int:
        deleted = 0
        while rows := await self._rows("expired", microseconds(before), keep, EXPIRED):
            await self._change(_delete_reports, rows)
            deleted += len(rows)
        return deleted

    async def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return await self._read(lambda: self._reading.execute(SQL[query], values).fetchall())


def record_reports(
    transaction: Transaction,
    published: Sequence[PublishedReport],
    periods: Sequence[SuppressedPeriod],
    cursor: int | None = None,
) -> None:
    """Write what ``ReportStore.record`` does."""
    execute = transaction.connection.execute
    for each in published:
        row = _row(each.report)
        written = execute(SQL["insert_report"], row)
        if written.rowcount:
            at, number = row[5], written.lastrowid
            deliveries = [(name, number, at, at) for name in each.subscriptions]
            transaction.connection.executemany(SQL["insert_delivery"], deliveries)
    for period in periods:
        times = microseconds(period.since), microseconds(period.until)
        execute(SQL["put_lease"], (period.address, period.level, *times))
    if cursor is not None:
        execute(SQL["set_cursor"], (cursor,))
        execute(SQL["forget_departed"], (cursor,))
    transaction.ledger.pages += 1 + len(published)


def _resend(
    transaction: Transaction, row: tuple[Any, ...], subscriptions: Sequence[str], now: int
) -> None:
    execute = transaction.connection.execute
    execute(SQL["insert_report"], row)
    (number,) = execute(SQL["number_of"], row[:1]).fetchone()
    deliveries = [(each, number, now, now) for each in subscriptions]
    transaction.connection.executemany(SQL["deliver_again"], deliveries)
    transaction.ledger.pages += 1 + len(subscriptions)


def _forget_suppressed(transaction: Transaction, addresses: Sequence[str] | None) -> int:
    connection = transaction.connection
    if addresses is None:
        return connection.execute(SQL["delete_leases"]).rowcount
    return sum(connection.execute(SQL["delete_lease"], (each,)).rowcount for each in addresses)


def _settle(
    transaction: Transaction, subscription: str, settlements: Sequence[ReportSettlement]
) -> None:
    for each in settlements:
        if each.again_at is None and not each.dead:
            transaction.connection.execute(SQL["delivered"], (each.number, subscription))
            continue
        again = None if each.again_at is None else microseconds(each.again_at)
        values = (microseconds(each.at), again, each.outcome, each.dead, each.number, subscription)
        transaction.connection.execute(SQL["failed"], values)
    transaction.ledger.pages += len(settlements)


def _delete_reports(transaction: Transaction, numbers: Sequence[tuple[int]]) -> None:
    _many(transaction, "delete_deliveries", numbers)
    _many(transaction, "delete_report", numbers)


def _many(transaction: Transaction, query: str, rows: Sequence[tuple[Any, ...]]) -> None:
    transaction.connection.executemany(SQL[query], rows)
    transaction.ledger.pages += len(rows)


def keep_unread(transaction: Transaction, seqs: Iterable[int]) -> None:
    """Keep for the consumer what it has not read of messages that will be deleted."""
    cursor = transaction.connection.execute(SQL["get_cursor"]).fetchone()[0]
    unread = [(seq,) for seq in seqs if seq > cursor]
    if unread:
        transaction.connection.executemany(SQL["keep_departed"], unread)
        transaction.ledger.pages += len(unread)


def _row(report: Report) -> tuple[Any, ...]:
    return (
        report.id,
        report.type,
        report.message,
        report.resource,
        report.subject,
        microseconds(report.at),
        _encode(dict(report.data)),
    )


def _report(row: Sequence[Any]) -> Report:
    """Return the report in a row; of a damaged one only its names, because nothing else may wait
    for it."""
    *names, at, fields = row
    id_, type_, message, resource, subject = (
        each if isinstance(each, str) else "" for each in names
    )
    return Report(id_, type_, message, resource, subject, read_time(at), _data(fields) or {})


def _due(row: Sequence[Any]) -> Due:
    number, attempts, published_at, *report = row
    is_damaged = _data(report[-1]) is None or not all(isinstance(each, str) for each in report[:5])
    made = attempts if isinstance(attempts, int) else 0
    return Due(number, _report(report), made, read_time(published_at), is_damaged)


def _data(fields: Any) -> dict[str, Any] | None:
    """Return the JSON object of a report; None for a damaged one."""
    try:
        data = json.loads(fields)
    except (ValueError, TypeError):
        return None
    return data if isinstance(data, dict) else None


def _period(row: Sequence[Any]) -> SuppressedPeriod:
    """Return the suppression in a row; a damaged one is in effect for ever, because that can be
    undone."""
    address, level, *times = row
    since, until = map(read_time, times)
    if isinstance(level, int) and UNKNOWN not in (since, until):
        return SuppressedPeriod(address, level, since, until)
    return SuppressedPeriod(address, 0, EPOCH, UNKNOWN, is_damaged=True)
