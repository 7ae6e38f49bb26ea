"""Reports in memory. Nothing survives."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from gatepost.model.message import StoredMessage
from gatepost.model.report import PublishedReport, Report, SuppressedPeriod
from gatepost.queue.reports_contract import Backlog, DeadLetter, Due, ReportSettlement, Unread


@dataclass(slots=True)
class _Delivery:
    published_at: datetime
    due: datetime
    attempts: int = 0
    last_at: datetime | None = None
    outcome: str = ""
    dead: str = ""


class MemoryReports:
    """Implements ``ReportStore``; ``add`` must be called for each message."""

    def __init__(self) -> None:
        self._cursor = 0
        self._newest = 0
        self._unread: list[Unread] = []
        self._reports: dict[int, Report] = {}
        self._ids: set[str] = set()
        self._number = 0
        self._deliveries: dict[tuple[str, int], _Delivery] = {}
        self._periods: dict[str, SuppressedPeriod] = {}
        self._on_commit: Callable[[], None] | None = None

    def add(self, message: StoredMessage) -> None:
        """Note that a message was stored; it stays readable even if it is deleted."""
        self._newest += 1
        self._unread.append(Unread(self._newest, message))
        if self._on_commit is not None:
            self._on_commit()

    def watch(self, on_commit: Callable[[], None] | None) -> None:
        self._on_commit = on_commit

    async def read_on(self, limit: int) -> Sequence[Unread]:
        return self._unread[:limit]

    async def read_about(self, domain: str, limit: int) -> tuple[Sequence[Unread], int]:
        wanted = f"@{domain.lower()}"
        reports = [
            each
            for each in self._unread
            if any(to.lower().endswith(wanted) for to in each.message.rcpt_to)
        ]
        if len(reports) <= limit:
            return reports, max(self._cursor, self._newest)
        return reports[:limit], reports[limit - 1].seq

    async def cursor(self) -> int:
        return self._cursor

    async def record(
        self,
        cursor: int | None,
        published: Iterable[PublishedReport],
        periods: Iterable[SuppressedPeriod] = (),
    ) -> None:
        for each in published:
            report = each.report
            if report.id in self._ids:
                continue
            self._number += 1
            self._ids.add(report.id)
            self._reports[self._number] = report
            for subscription in each.subscriptions:
                self._deliveries[subscription, self._number] = _Delivery(report.at, report.at)
        self._periods.update({each.address: each for each in periods})
        if cursor is not None:
            self._cursor = cursor
            self._unread = [each for each in self._unread if each.seq > cursor]

    async def resend(self, published: PublishedReport, now: datetime) -> None:
        await self.record(None, [PublishedReport(published.report)])
        id_ = published.report.id
        number = next(number for number, each in self._reports.items() if each.id == id_)
        for subscription in published.subscriptions:
            self._deliveries[subscription, number] = _Delivery(now, now)

    async def suppressed_periods(self) -> Sequence[SuppressedPeriod]:
        return [self._periods[address] for address in sorted(self._periods)]

    async def forget_suppressed(self, addresses: Iterable[str] | None) -> int:
        wanted = list(self._periods) if addresses is None else list(addresses)
        return sum(self._periods.pop(each, None) is not None for each in wanted)

    async def list_reports(
        self, message: str | None = None, limit: int | None = None
    ) -> Sequence[Report]:
        newest = reversed(self._reports.values())
        reports = [each for each in newest if message is None or each.message == message]
        return reports if limit is None else reports[: max(0, limit)]

    async def due(self, subscription: str, now: datetime, limit: int) -> Sequence[Due]:
        reports = sorted(
            (delivery.due, number)
            for (name, number), delivery in self._deliveries.items()
            if name == subscription and not delivery.dead and delivery.due <= now
        )
        return [self._due(subscription, number) for _, number in reports[:limit]]

    def _due(self, subscription: str, number: int) -> Due:
        delivery = self._deliveries[subscription, number]
        return Due(number, self._reports[number], delivery.attempts, delivery.published_at)

    async def next_due(self, subscription: str, after: datetime) -> datetime | None:
        deliveries = [each for (name, _), each in self._deliveries.items() if name == subscription]
        return min(
            (each.due for each in deliveries if not each.dead and each.due > after), default=None
        )

    async def settle(self, subscription: str, settlements: Iterable[ReportSettlement]) -> None:
        for each in settlements:
            key = subscription, each.number
            delivery = self._deliveries.get(key)
            if delivery is None:
                continue
            if each.again_at is None and not each.dead:
                del self._deliveries[key]
                continue
            delivery.attempts += 1
            delivery.last_at, delivery.outcome, delivery.dead = each.at, each.outcome, each.dead
            delivery.due = each.again_at or delivery.due

    async def backlog(self, subscription: str) -> Backlog:
        deliveries = [each for (name, _), each in self._deliveries.items() if name == subscription]
        tried = [(each.last_at, each.outcome) for each in deliveries if each.last_at is not None]
        dead = sum(each.dead != "" for each in deliveries)
        return Backlog(len(deliveries) - dead, dead, max(tried)[1] if tried else "")

    async def dead_letters(self, subscription: str) -> Sequence[DeadLetter]:
        reports = [
            DeadLetter(
                self._reports[number],
                delivery.attempts,
                delivery.dead,
                delivery.outcome,
                delivery.published_at,
                delivery.last_at,
            )
            for (name, number), delivery in self._deliveries.items()
            if name == subscription and delivery.dead and delivery.last_at is not None
        ]
        return reports[::-1]

    async def unsubscribe(self, subscriptions: Iterable[str]) -> None:
        removed = set(subscriptions)
        self._deliveries = {
            key: delivery for key, delivery in self._deliveries.items() if key[0] not in removed
        }

    async def subscribed(self) -> Sequence[str]:
        return sorted({name for name, _ in self._deliveries})

    async def expire(self, before: datetime, keep: int) -> int:
        waiting = {
            number for (_, number), delivery in self._deliveries.items() if not delivery.dead
        }
        removed = [
            number
            for number, report in self._reports.items()
            if (report.at < before or number <= self._number - keep) and number not in waiting
        ]
        for number in removed:
            self._ids.discard(self._reports.pop(number).id)
        self._deliveries = {
            key: delivery for key, delivery in self._deliveries.items() if key[1] in self._reports
        }
        return len(removed)
