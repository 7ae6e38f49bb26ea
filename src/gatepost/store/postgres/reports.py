"""Reports in PostgreSQL."""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from gatepost.model.report import PublishedReport, Report, SuppressedPeriod
from gatepost.queue.reports_contract import Backlog, DeadLetter, Due, ReportSettlement, Unread
from gatepost.store.postgres.arrays import numbers, texts
from gatepost.store.postgres.changes import DatabaseChanges
from gatepost.store.postgres.connections import Connection
from gatepost.store.postgres.message_reader import first
from gatepost.store.postgres.message_rows import is_storable, stored_message
from gatepost.store.postgres.readers import Readers
from gatepost.store.postgres.statements import SQL
from gatepost.store.stored_values import legible, microseconds, read_time

_encode: Final = json.JSONEncoder(separators=(",", ":")).encode


class PostgresReports:
    """Implements ``queue.reports_contract.ReportStore``.

    ``change`` runs a function in a transaction, ``read`` one in a thread that reads.
    """

    def __init__(
        self,
        change: DatabaseChanges,
        read: Readers,
        watch: Callable[[Callable[[], None] | None], None],
    ) -> None:
        self._change, self._read, self.watch = change, read, watch

    async def read_on(self, limit: int) -> Sequence[Unread]:
        rows = await self._rows("read_reportable", limit)
        return [Unread(row[0], stored_message(row)) for row in rows]

    async def read_about(self, domain: str, limit: int) -> tuple[Sequence[Unread], int]:
        newest = int((await self._rows("newest_unread"))[0][0])
        rows = await self._rows("read_about", newest, f'%@{legible(domain)}"%', limit)
        unread = [Unread(row[0], stored_message(row)) for row in rows]
        return unread, unread[-1].seq if len(unread) == limit else newest

    async def cursor(self) -> int:
        return int((await self._rows("get_counter", "reported"))[0][0])

    async def record(
        self,
        cursor: int | None,
        published: Iterable[PublishedReport],
        periods: Iterable[SuppressedPeriod] = (),
    ) -> None:
        await self._change(record_reports, tuple(published), tuple(periods), cursor)

    async def resend(self, published: PublishedReport, now: datetime) -> None:
        await self._change(_resend, published, microseconds(now))

    async def suppressed_periods(self) -> Sequence[SuppressedPeriod]:
        return [
            SuppressedPeriod(address, level, read_time(since), read_time(until))
            for address, level, since, until in await self._rows("list_periods")
        ]

    async def forget_suppressed(self, addresses: Iterable[str] | None) -> int:
        wanted = None if addresses is None else tuple(addresses)
        return await self._change(_forget_suppressed, wanted)

    async def list_reports(
        self, message: str | None = None, limit: int | None = None
    ) -> Sequence[Report]:
        most = None if limit is None else max(0, limit)
        if message is None:
            rows = await self._rows("list_reports", most)
        else:
            rows = await self._rows("list_reports_of", legible(message), most)
        return [_report(row) for row in rows]

    async def due(self, subscription: str, now: datetime, limit: int) -> Sequence[Due]:
        rows = await self._rows("due_reports", subscription, microseconds(now), limit)
        return [
            Due(number, _report(report), attempts, read_time(published_at))
            for number, attempts, published_at, *report in rows
        ]

    async def next_due(self, subscription: str, after: datetime) -> datetime | None:
        due = (await self._rows("next_due_report", subscription, microseconds(after)))[0][0]
        return None if due is None else read_time(due)

    async def settle(self, subscription: str, settlements: Iterable[ReportSettlement]) -> None:
        await self._change(_settle, subscription, tuple(settlements))

    async def backlog(self, subscription: str) -> Backlog:
        waiting, dead = (await self._rows("report_backlog", subscription))[0]
        failures = await self._rows("last_failure", subscription)
        return Backlog(waiting, dead, failures[0][0] if failures else "")

    async def dead_letters(self, subscription: str) -> Sequence[DeadLetter]:
        return [
            DeadLetter(
                _report(report), attempts, dead, outcome, read_time(published), read_time(last)
            )
            for attempts, dead, outcome, published, last, *report in await self._rows(
                "dead_letters", subscription
            )
        ]

    async def unsubscribe(self, subscriptions: Iterable[str]) -> None:
        await self._change(_execute, "unsubscribe", texts(list(subscriptions)))

    async def subscribed(self) -> Sequence[str]:
        return [name for (name,) in await self._rows("subscribed")]

    async def expire(self, before: datetime, keep: int) -> int:
        deleted = 0
        while some := await self._change(_expire, microseconds(before), keep):
            deleted += some
        return deleted

    async def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return await self._read(lambda each: each.execute(SQL[query], values).fetchall())


def record_reports(
    connection: Connection,
    published: Sequence[PublishedReport],
    periods: Sequence[SuppressedPeriod],
    cursor: int | None = None,
) -> None:
    """Write what ``ReportStore.record`` does."""
    deliveries: list[tuple[str, int, int]] = []
    with connection.pipeline():
        inserted = [
            connection.execute(SQL["insert_report"], _row(each.report)) for each in published
        ]
        for each, cursor_ in zip(published, inserted, strict=True):
            if (row := cursor_.fetchone()) is not None:
                at = microseconds(each.report.at)
                deliveries += [(name, row[0], at) for name in each.subscriptions]
        if deliveries:
            names, reports, times = zip(*deliveries, strict=True)
            columns = (texts(names), numbers(reports), numbers(times))
            connection.execute(SQL["insert_report_deliveries"], columns)
        if periods:
            connection.execute(SQL["raise_version"], ("records",))
        for period in periods:
            times_ = microseconds(period.since), microseconds(period.until)
            connection.execute(SQL["put_period"], (period.address, period.level, *times_))
        if cursor is not None:
            connection.execute(SQL["set_reported"], (cursor,))
            connection.execute(SQL["forget_departed"], (cursor,))


def _resend(connection: Connection, published: PublishedReport, now: int) -> None:
    report, names = published.report, published.subscriptions
    connection.execute(SQL["insert_report"], _row(report))
    (number,) = first(connection, "number_of_report", report.id)
    columns = (texts(names), numbers([number] * len(names)), numbers([now] * len(names)))
    connection.execute(SQL["deliver_again"], columns)


def _forget_suppressed(connection: Connection, addresses: Sequence[str] | None) -> int:
    connection.execute(SQL["raise_version"], ("records",))
    if addresses is None:
        return connection.execute(SQL["delete_all_periods"]).rowcount
    wanted = [each for each in addresses if is_storable(each)]
    return connection.execute(SQL["delete_periods"], (texts(wanted),)).rowcount


def _settle(
    connection: Connection, subscription: str, settlements: Sequence[ReportSettlement]
) -> None:
    with connection.pipeline():
        for each in settlements:
            key = (each.number, subscription)
            if each.again_at is None and not each.dead:
                connection.execute(SQL["report_delivered"], key)
                continue
            again = None if each.again_at is None else microseconds(each.again_at)
            texts_ = legible(each.outcome), legible(each.dead)
            values = (microseconds(each.at), again, *texts_, *key)
            connection.execute(SQL["report_failed"], values)


def _expire(connection: Connection, before: int, keep: int) -> int:
    rows = connection.execute(SQL["expire_reports"], (before, keep)).fetchall()
    _execute(connection, "delete_report_deliveries", numbers([number for (number,) in rows]))
    return len(rows)


def _execute(connection: Connection, query: str, *values: Any) -> None:
    connection.execute(SQL[query], values)


def _row(report: Report) -> tuple[Any, ...]:
    return (
        report.id,
        report.type,
        report.message,
        legible(report.resource),
        legible(report.subject),
        microseconds(report.at),
        _encode(dict(report.data)),
    )


def _report(row: Sequence[Any]) -> Report:
    id_, type_, message, resource, subject, at, data = row
    return Report(id_, type_, message, resource, subject, read_time(at), json.loads(data))
