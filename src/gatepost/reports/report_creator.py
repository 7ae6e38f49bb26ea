"""Creates reports about committed mail: reads behind the cursor, and records reports in one commit.

Accepting mail does not wait for it. It is woken after a commit, waits a moment so that many
messages make one commit, and after a crash continues where it was. A report of a mere delivery to
which nobody has subscribed is not written, because it follows from the message.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from gatepost.directory.azure.entries import CommunicationService
from gatepost.directory.change_listeners import to_the_end
from gatepost.failures.grammar import ScriptedOutcome
from gatepost.model.address import Address
from gatepost.model.message import StoredMessage
from gatepost.model.operator_event import ReportEvent
from gatepost.model.report import PublishedReport, Report, SuppressedPeriod
from gatepost.queue.reports_contract import ReportStore, Unread
from gatepost.relay.safe_error_text import explain
from gatepost.reports.message_sources import Sources, texts
from gatepost.reports.outcomes import (
    DELIVERED,
    RESERVED_DOMAIN,
    USUAL,
    ReportedOutcome,
    decide,
    scripted_outcome,
)
from gatepost.reports.report_contents import delivery_report
from gatepost.reports.scripted_outcomes import OutcomeRules
from gatepost.reports.subscriptions import Subscriptions
from gatepost.reports.suppression import FOR_GOOD, after_bounce, after_send, fold, is_in_force

PACE: Final = 0.05
"""Seconds that mail waits for more of it."""
PATIENCE: Final = 2.0
"""Seconds that a caller waits for it to catch up."""
BATCH: Final = 200
"""Messages per commit, which also limits how long the event loop is blocked."""
UPKEEP: Final = 60.0
"""Seconds between two clean-ups."""
AGE: Final = timedelta(days=30)
MOST_REPORTS: Final = 100_000
"""Maximum number of reports in the store, besides those that a webhook must still get."""

_DAMAGED: Final = "its times cannot be read; it suppresses mail until it is deleted"


class ReportCreator:
    """The only reader of a store's new mail, which also updates the managed list.

    ``on_published`` is called after each commit with something for a subscription.
    """

    def __init__(
        self,
        reports: ReportStore,
        rules: OutcomeRules,
        subscriptions: Subscriptions,
        sources: Sources,
        on_published: Callable[[], None],
    ) -> None:
        self._reports, self._rules = reports, rules
        self._subscriptions, self._sources = subscriptions, sources
        self._on_published = on_published
        self._cursor = 0
        self._periods: dict[str, SuppressedPeriod] = {}
        self.damaged: dict[str, str] = {}
        """See ``damaged_records``."""
        self._consuming = asyncio.Lock()
        self._rung = asyncio.Event()
        self._catching_up: set[asyncio.Future[None]] = set()
        self.unreported_domain = ""
        """The domain of bounces, in lower case, about whose mail nobody gets reports; empty: none.
        """
        self.scripted: Mapping[str, Mapping[str, ScriptedOutcome]] = {}
        """What rules of scripted failures say about a message, by its id and the recipient."""

    async def load(self) -> None:
        """Read the cursor and the managed list."""
        self._cursor = await self._reports.cursor()
        periods = await self._reports.suppressed_periods()
        self._periods = {each.address: each for each in periods}
        self.damaged.update(
            {f"suppression {each.address}": _DAMAGED for each in periods if each.is_damaged}
        )

    async def reload_periods(self) -> None:
        """Read the managed list again, because another node may have changed it."""
        async with self._consuming:
            periods = await self._reports.suppressed_periods()
            self._periods = {each.address: each for each in periods}

    # Queries and changes.

    async def catch_up_on(self, recipients: Iterable[Address]) -> None:
        """Implements ``rest.site.Suppression``.

        Only an address that bounces can get on the managed list, so other calls do not wait.
        """
        if not any(decide(str(each), self._rules.by_target).hard for each in recipients):
            return
        catching_up = asyncio.ensure_future(self.catch_up())
        self._catching_up.add(catching_up)
        catching_up.add_done_callback(self._forget_task)
        # Not cut short: what is committed must be known here, too.
        await asyncio.wait([catching_up], timeout=PATIENCE)

    def _forget_task(self, catching_up: "asyncio.Future[None]") -> None:
        self._catching_up.discard(catching_up)
        if not catching_up.cancelled():
            catching_up.exception()  # ``run`` gets the same error, and reports it

    @property
    def may_suppress(self) -> bool:
        """Whether any address is suppressed."""
        return bool(self._periods) or self._sources.have_lists

    def suppressed(
        self,
        service: CommunicationService | None,
        sender: Address,
        recipients: Iterable[Address],
        now: datetime,
    ) -> frozenset[Address]:
        """Implements ``rest.site.Suppression``."""
        by_text = texts(recipients)
        listed = self._sources.listed(service, str(sender), by_text)
        return frozenset(
            address
            for text, address in by_text.items()
            if text in listed or is_in_force(self._periods.get(fold(text)), now)
        )

    def suppressed_periods(self, now: datetime) -> Sequence[SuppressedPeriod]:
        """Return the managed list as it is at ``now``."""
        return [each for each in self._periods.values() if is_in_force(each, now)]

    async def suppress_for_good(self, addresses: Iterable[str], now: datetime) -> int:
        """Add these to the managed list until somebody deletes them; return how many were new."""
        return await to_the_end(self._suppress_for_good(dict.fromkeys(map(fold, addresses)), now))

    async def _suppress_for_good(self, keys: Iterable[str], now: datetime) -> int:
        async with self._consuming:
            added = [
                SuppressedPeriod(each, 0, now, FOR_GOOD)
                for each in keys
                if (period := self._periods.get(each)) is None or period.until < FOR_GOOD
            ]
            await self._reports.record(None, [], added)
            self._periods.update({each.address: each for each in added})
            return len(added)

    async def forget_suppressed(self, addresses: Iterable[str] | None) -> int:
        """Delete these from the managed list, or all; return how many were on it."""
        wanted = None if addresses is None else [fold(each) for each in addresses]
        return await to_the_end(self._forget_suppressed(wanted))

    async def _forget_suppressed(self, wanted: Sequence[str] | None) -> int:
        async with self._consuming:
            count = await self._reports.forget_suppressed(wanted)
            for each in list(self._periods) if wanted is None else wanted:
                self._periods.pop(each, None)
            return count

    async def resend(self, report: Report, now: datetime) -> Sequence[str]:
        """Send a report again to the subscriptions concerned; return their keys."""
        published = self.published(report)
        if published.subscriptions:
            await to_the_end(self._reports.resend(published, now))
            self._on_published()
        return published.subscriptions

    async def publish(self, report: Report) -> None:
        """Record one more report and send it to the subscriptions concerned."""
        await to_the_end(self._publish(self.published(report)))

    async def _publish(self, published: PublishedReport) -> None:
        await self._reports.record(None, [published])
        self._on_published()

    # Relayed mail.

    def published(self, report: Report) -> PublishedReport:
        """Return a report with the subscriptions that get it."""
        wanted = [each.key for each in self._subscriptions.active if each.wants(report)]
        return PublishedReport(report, tuple(wanted))

    def suppress(self, recipient: str, at: datetime, *, for_good: bool = False) -> SuppressedPeriod:
        """Suppress a recipient from now on; return what must be recorded with the reason."""
        key = fold(recipient)
        period = after_bounce(self._periods.get(key), recipient, at)
        if for_good:
            period = replace(period, until=FOR_GOOD)
        self._periods[key] = period
        return period

    def prolong(self, recipient: str, at: datetime) -> SuppressedPeriod | None:
        """Note a message to a suppressed recipient; None: it is on a customer's list only."""
        key = fold(recipient)
        period = self._periods.get(key)
        if period is None or not is_in_force(period, at):
            return None
        self._periods[key] = after_send(period, at)
        return self._periods[key]

    async def record(
        self, reports: Sequence[PublishedReport], periods: Sequence[SuppressedPeriod]
    ) -> None:
        """Record reports about relayed mail, and the suppressed periods that follow."""
        await to_the_end(self._record(reports, periods))

    async def _record(
        self, reports: Sequence[PublishedReport], periods: Sequence[SuppressedPeriod]
    ) -> None:
        await self._reports.record(None, reports, periods)
        self.tell_published()

    def tell_published(self) -> None:
        """Note that reports were recorded."""
        self._on_published()

    # Consumption.

    async def run(self, tell: ReportEvent) -> None:
        """Consume new mail, until cancelled."""
        loop = asyncio.get_running_loop()
        ringing = False

        def rung() -> None:
            nonlocal ringing
            ringing = False
            self._rung.set()

        def ring() -> None:  # in the store's thread
            nonlocal ringing
            if not ringing:
                ringing = True
                with suppress(RuntimeError):  # the loop was closed
                    loop.call_soon_threadsafe(rung)

        self._reports.watch(ring)
        self._rung.set()
        upkeep_at = loop.time() + UPKEEP
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(0.0, upkeep_at - loop.time())):
                        await self._rung.wait()
                self._rung.clear()
                await asyncio.sleep(PACE)
                try:
                    await self.catch_up()
                    if loop.time() >= upkeep_at:
                        await self.tidy()
                        upkeep_at = loop.time() + UPKEEP
                except Exception as error:  # noqa: BLE001 - mail goes on, and so must its reports
                    tell("reports_delayed", reason=explain(error))
                    await asyncio.sleep(1.0)
                    self._rung.set()
        finally:
            self._reports.watch(None)

    async def tidy(self) -> None:
        """Delete old reports, and suppressed periods that have ended without a send."""
        now = self._subscriptions.now()
        await self._reports.expire(now - AGE, MOST_REPORTS)
        ended = [key for key, each in self._periods.items() if each.until <= now]
        if ended:
            await self.forget_suppressed(ended)

    async def catch_up(self) -> None:
        """Consume everything that was committed until now."""
        catching_up = asyncio.ensure_future(self._catch_up())
        self._catching_up.add(catching_up)
        catching_up.add_done_callback(self._forget_task)
        await asyncio.shield(catching_up)  # so that memory and store stay equal

    async def finish(self) -> None:
        """Wait until nothing is being consumed, because the store is closed next."""
        if self._catching_up:
            await asyncio.wait(self._catching_up, timeout=PATIENCE)

    async def _catch_up(self) -> None:
        async with self._consuming:
            consumed = BATCH
            while consumed == BATCH:
                consumed = await self._consume()

    async def _consume(self) -> int:
        unread, cursor = await self._read_on()
        if cursor == self._cursor:
            return 0
        published: list[PublishedReport] = []
        changed: dict[str, SuppressedPeriod] = {}
        for each in unread:
            published += self._judge(each.message, changed)
        await self._reports.record(cursor, published, changed.values())
        self._cursor = cursor
        self._periods.update(changed)
        if any(each.subscriptions for each in published):
            self._on_published()
        return len(unread)

    async def _read_on(self) -> tuple[Sequence[Unread], int]:
        """Return the next messages, and the place up to which no others matter.

        If nothing was scripted, listed or subscribed to, only reserved recipients matter.
        """
        if not self._needs_all_mail:
            about = await self._reports.read_about(RESERVED_DOMAIN, BATCH)
            if not self._needs_all_mail:  # nor has changed while it was read
                return about
        unread = await self._reports.read_on(BATCH)
        return unread, unread[-1].seq if unread else self._cursor

    @property
    def _needs_all_mail(self) -> bool:
        scripted = self._rules.by_target or self.scripted
        return bool(scripted or self.may_suppress or self._subscriptions.active)

    def _judge(
        self, message: StoredMessage, changed: dict[str, SuppressedPeriod]
    ) -> Iterable[PublishedReport]:
        """Yield the reports about a message; changed periods are added to ``changed``."""
        service = self._sources.service_of(message)
        recipients = dict.fromkeys(message.rcpt_to)
        if self.unreported_domain in {each.rpartition("@")[2].lower() for each in recipients}:
            return
        listed = self._sources.listed(service, message.mail_from, recipients)
        resource = self._sources.resource_of(message)
        for recipient in recipients:
            outcome = self._outcome(message, recipient, changed)
            if recipient in listed:
                outcome = USUAL["Suppressed"]
            elif outcome.hard:
                at = message.received_at + timedelta(seconds=outcome.delay)
                key = fold(recipient)
                changed[key] = after_bounce(self._period(key, changed), recipient, at)
            if outcome is DELIVERED and not self._subscriptions.active:
                continue
            made = self.published(delivery_report(message, recipient, outcome, resource))
            if made.subscriptions or outcome is not DELIVERED:
                yield made

    def _outcome(
        self, message: StoredMessage, recipient: str, changed: dict[str, SuppressedPeriod]
    ) -> ReportedOutcome:
        """Return the outcome. A send in a suppressed period is dropped, and prolongs it."""
        key = fold(recipient)
        period = self._period(key, changed)
        if period is not None and is_in_force(period, message.received_at):
            changed[key] = after_send(period, message.received_at)
            return USUAL["Suppressed"]
        return self.scripted_outcome_of(message.id, recipient)

    def scripted_outcome_of(self, message: str, recipient: str) -> ReportedOutcome:
        """Return what was scripted for a recipient of a message; otherwise it is delivered."""
        scripted = self.scripted.get(message, {}).get(fold(recipient))
        if scripted is not None:
            return scripted_outcome(scripted.status or "", scripted.code)
        return decide(recipient, self._rules.by_target)

    def _period(self, key: str, changed: dict[str, SuppressedPeriod]) -> SuppressedPeriod | None:
        return changed.get(key) or self._periods.get(key)
