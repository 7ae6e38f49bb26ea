"""What a store keeps about reports. ``tests/contract/test_reports.py`` is the specification.

A consumer reads committed messages behind a durable cursor and records, in one commit, the reports
about them, so that a crash neither loses nor repeats a report. A message that is deleted before it
was read stays readable for the consumer until then.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gatepost.model.message import StoredMessage
from gatepost.model.report import PublishedReport, Report, SuppressedPeriod


@dataclass(frozen=True, slots=True)
class Unread:
    """A message behind the cursor; ``seq`` is its place in the order of acceptance."""

    seq: int
    message: StoredMessage


@dataclass(frozen=True, slots=True)
class Due:
    """A report that a subscription must get now."""

    number: int
    """The number of the report, which identifies it in ``ReportSettlement``."""
    report: Report
    attempts: int
    """Number of earlier attempts."""
    published_at: datetime
    is_damaged: bool = False
    """The content of the report is lost: it cannot be sent."""


@dataclass(frozen=True, slots=True)
class ReportSettlement:
    """The result of one attempt: ``again_at`` None and no ``dead`` means delivered."""

    number: int
    at: datetime
    again_at: datetime | None = None
    outcome: str = ""
    """Why it failed, for the operator."""
    dead: str = ""
    """Why it is not tried again."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A report that could not be delivered to a subscription."""

    report: Report
    attempts: int
    reason: str
    outcome: str
    published_at: datetime
    last_attempt_at: datetime


@dataclass(frozen=True, slots=True)
class Backlog:
    """How far a subscription is behind."""

    waiting: int = 0
    dead: int = 0
    last_failure: str = ""


class ReportStore(Protocol):
    """The reports of a store; every method is one commit or one read."""

    def watch(self, on_commit: Callable[[], None] | None) -> None:
        """Call this after each commit of mail, in any thread: it must be quick."""

    async def read_on(self, limit: int) -> Sequence[Unread]:
        """Return the next messages behind the cursor, in the order of acceptance."""

    async def read_about(self, domain: str, limit: int) -> tuple[Sequence[Unread], int]:
        """Return those of the next messages that have a recipient in ``domain``, and the place up
        to which there is no other, so that other mail costs almost nothing.

        The result may include messages with similar recipients.
        """

    async def cursor(self) -> int:
        """Return the ``seq`` of the last message that was consumed."""

    async def record(
        self,
        cursor: int | None,
        published: Iterable[PublishedReport],
        periods: Iterable[SuppressedPeriod] = (),
    ) -> None:
        """Write reports and suppressed periods, and move the cursor unless it is None.

        A report whose id exists already is ignored, with its subscriptions.
        """

    async def resend(self, published: PublishedReport, now: datetime) -> None:
        """Let subscriptions get a report again now, as if it were new; it is written if it was
        not."""

    async def suppressed_periods(self) -> Sequence[SuppressedPeriod]:
        """Return the managed list."""

    async def forget_suppressed(self, addresses: Iterable[str] | None) -> int:
        """Delete these from the managed list, or all for None; return how many were on it."""

    async def list_reports(
        self, message: str | None = None, limit: int | None = None
    ) -> Sequence[Report]:
        """Return recorded reports, newest first; of one message, or of all."""

    async def due(self, subscription: str, now: datetime, limit: int) -> Sequence[Due]:
        """Return what a subscription must get by ``now``, the longest due first."""

    async def next_due(self, subscription: str, after: datetime) -> datetime | None:
        """Return when the first report that is due later than ``after`` is."""

    async def settle(self, subscription: str, settlements: Iterable[ReportSettlement]) -> None:
        """Record the results of attempts."""

    async def backlog(self, subscription: str) -> Backlog:
        """Return how far a subscription is behind."""

    async def dead_letters(self, subscription: str) -> Sequence[DeadLetter]:
        """Return the reports that could not be delivered to a subscription, newest first."""

    async def unsubscribe(self, subscriptions: Iterable[str]) -> None:
        """Delete what these subscriptions were to get."""

    async def subscribed(self) -> Sequence[str]:
        """Return the subscriptions with reports to deliver, or with dead letters."""

    async def expire(self, before: datetime, keep: int) -> int:
        """Delete reports older than ``before`` and all but the newest ``keep``; return how many.

        Reports that are still to be delivered to a subscription stay.
        """
