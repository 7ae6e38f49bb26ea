"""Sends reports to webhooks: each subscription independently, at least once.

Reports that are due are read from the store, and removed only after the endpoint has acknowledged
them; so a crash at any moment at most repeats an event. A slow endpoint delays only its own
reports.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

from gatepost.model.operator_event import ReportEvent as Tell
from gatepost.model.rfc3339 import utc_text
from gatepost.queue.reports_contract import Due, ReportSettlement, ReportStore
from gatepost.relay.safe_error_text import explain
from gatepost.reports.webhook_http import Unreached, WebhookHttp
from gatepost.rest.events.report_documents import body, encode, event, headers
from gatepost.rest.events.subscription import EventSubscription
from gatepost.rest.events.webhook_retry import DELIVERED, Backoff, Failure, again

IN_FLIGHT: Final = 8
"""Maximum number of simultaneous requests of one subscription."""
LAST_RESPONSES: Final = 1.0
"""Seconds for open requests at the end."""
DAMAGED: Final = "its row in the store is damaged"
LOST: Final = "ReportDamaged"
"""The reason for dead-lettering such a report; Event Grid has none for it."""
PAUSE: Final = 1.0
"""Seconds to wait after a failure of the store."""
LOOK: Final = 5.0
"""Seconds between two looks, where several nodes publish reports and one of them sends them."""


class Webhooks:
    """The deliveries to all subscriptions."""

    def __init__(
        self,
        reports: ReportStore,
        http: WebhookHttp,
        schedule: Backoff,
        tell: Tell,
        now: Callable[[], datetime],
    ) -> None:
        self.reports, self.http, self.schedule = reports, http, schedule
        self.tell, self.now = tell, now
        self.take_turn: Callable[[str], Awaitable[bool]] | None = None
        """Tells whether this node sends the reports of a subscription, by its key; None: there are
        no others."""
        self._senders: dict[str, _Sender] = {}

    def serve(self, subscriptions: Iterable[EventSubscription]) -> None:
        """Serve exactly these subscriptions; one that is served already continues with its current
        settings."""
        wanted = {each.key: each for each in subscriptions}
        for key in [key for key in self._senders if key not in wanted]:
            self._senders.pop(key).cancel()
        for key, subscription in wanted.items():
            if key in self._senders:
                self._senders[key].subscription = subscription
            else:
                self._senders[key] = _Sender(self, subscription)
        self.wake()

    def wake(self) -> None:
        """Look for reports to send."""
        for sender in self._senders.values():
            sender.wake()

    async def close(self) -> None:
        """Wait a moment for open requests, then abort them."""
        senders, self._senders = list(self._senders.values()), {}
        open_ = [task for sender in senders for task in sender.stop()]
        if open_:
            await asyncio.wait(open_, timeout=LAST_RESPONSES)
        for sender in senders:
            sender.cancel()
        await asyncio.gather(*(task for sender in senders for task in sender.tasks),
                             return_exceptions=True)  # fmt: skip
        await self.http.close()


class _Sender:
    """One subscription: reads what is due, keeps some requests open, and settles each."""

    def __init__(self, webhooks: Webhooks, subscription: EventSubscription) -> None:
        self._webhooks = webhooks
        self.subscription = subscription
        self._woken = asyncio.Event()
        self._in_flight: set[int] = set()
        self._just_settled: set[int] = set()
        """Settled since the store was last read: the result may still contain these."""
        self._requests: set[asyncio.Task[None]] = set()
        self._loop = asyncio.create_task(self._run())

    def wake(self) -> None:
        self._woken.set()

    @property
    def tasks(self) -> Sequence["asyncio.Task[None]"]:
        return [self._loop, *self._requests]

    def stop(self) -> Sequence["asyncio.Task[None]"]:
        """Start no more requests; return the open ones."""
        self._loop.cancel()
        return list(self._requests)

    def cancel(self) -> None:
        for task in self.tasks:
            task.cancel()

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                wait = await self._begin()
            except Exception as error:  # noqa: BLE001 - else nothing is sent until a restart
                self._webhooks.tell("reports_delayed", reason=explain(error))
                wait = PAUSE
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._woken.wait()

    async def _begin(self) -> float | None:
        """Start what is due; return the seconds until more is due, None: when woken."""
        webhooks, key = self._webhooks, self.subscription.key
        free = IN_FLIGHT - len(self._requests)
        if free <= 0:
            return None
        if webhooks.take_turn is not None and not await webhooks.take_turn(key):
            return LOOK
        now = webhooks.now()
        most = len(self._in_flight) + free * self.subscription.batch.events
        self._just_settled.clear()
        due = await webhooks.reports.due(key, now, most)
        busy = self._in_flight | self._just_settled
        fresh = [each for each in due if each.number not in busy]
        await self._dead_letter([each for each in fresh if each.is_damaged])
        fresh = [each for each in fresh if not each.is_damaged]
        for batch in list(_batches(fresh, self.subscription))[:free]:
            self._in_flight.update(each.number for each in batch)
            request = asyncio.create_task(self._send(batch))
            self._requests.add(request)
            request.add_done_callback(self._end_request)
        if len(due) == most and len(self._requests) < IN_FLIGHT:
            return 0.0
        later = await webhooks.reports.next_due(key, now)
        wait = None if later is None else max(0.0, (later - webhooks.now()).total_seconds())
        if webhooks.take_turn is not None:  # other nodes publish reports, too
            return LOOK if wait is None else min(wait, LOOK)
        return wait

    async def _dead_letter(self, damaged: Sequence[Due]) -> None:
        """Remove what cannot be sent any more, so that others do not wait for it."""
        if not damaged:
            return
        subscription, now = self.subscription, self._webhooks.now()
        lost = [ReportSettlement(each.number, now, outcome=DAMAGED, dead=LOST) for each in damaged]
        await self._webhooks.reports.settle(subscription.key, lost)
        for each in damaged:
            self._webhooks.tell(
                "webhook_given_up",
                subscription=subscription.name, endpoint=subscription.endpoint,
                report=each.report.id, attempts=each.attempts, reason=DAMAGED, dead=LOST,
            )  # fmt: skip

    def _end_request(self, request: "asyncio.Task[None]") -> None:
        self._requests.discard(request)
        self._woken.set()

    async def _send(self, batch: Sequence[Due]) -> None:
        """Make one request and record its result; then all of it may be due again."""
        try:
            status, outcome = await self._request(batch)
            now = self._webhooks.now()
            settlements = [ReportSettlement(each.number, now) for each in batch]
            if status not in DELIVERED:
                settlements = self._retry_or_give_up(batch, Failure(status, now), outcome)
            await self._webhooks.reports.settle(self.subscription.key, settlements)
        except Exception as error:  # noqa: BLE001 - mostly the store
            self._webhooks.tell("reports_delayed", reason=explain(error))
            await asyncio.sleep(PAUSE)  # it stays due and is sent again
        finally:
            numbers = {each.number for each in batch}
            self._in_flight -= numbers
            self._just_settled |= numbers

    async def _request(self, batch: Sequence[Due]) -> tuple[int, str]:
        """Make one request; return the status, 0 without one, and the outcome as text."""
        subscription, reports = self.subscription, [each.report for each in batch]
        try:
            octets, kind = body(reports, subscription)
            fields = headers(subscription, reports, batch[0].attempts)
            response = await self._webhooks.http.request(
                "POST", subscription.url, {"content-type": kind, **fields}, octets,
                ca_file=subscription.ca_file,
            )  # fmt: skip
        except Unreached as error:
            return 0, str(error)
        except Exception as error:  # noqa: BLE001 - a failure like another: sent again later
            return 0, explain(error)
        return response.status, f"HTTP {response.status}"

    def _retry_or_give_up(
        self, batch: Sequence[Due], failure: Failure, outcome: str
    ) -> list[ReportSettlement]:
        """Decide for each event whether it is sent again, and report it."""
        webhooks, subscription = self._webhooks, self.subscription
        backoff = subscription.retry.within(webhooks.schedule)
        settlements = []
        for each in batch:
            attempts = each.attempts + 1
            chance = random.random()  # noqa: S311 - when it is sent again is not a secret
            verdict = again(backoff, failure, attempts, each.published_at, chance)
            dead = verdict if isinstance(verdict, str) else ""
            at = None if isinstance(verdict, str) else verdict
            again_at = utc_text(at.replace(microsecond=0)) if at else ""
            settlements.append(ReportSettlement(each.number, failure.at, at, outcome, dead))
            webhooks.tell(
                "webhook_given_up" if dead else "webhook_failed",
                subscription=subscription.name, endpoint=subscription.endpoint,
                report=each.report.id, attempts=attempts, reason=outcome,
                **({"dead": dead} if dead else {"again_at": again_at}),
            )  # fmt: skip
        return settlements


def _batches(due: Sequence[Due], subscription: EventSubscription) -> Iterator[Sequence[Due]]:
    """Divide what is due into requests; an event larger than a batch is sent alone."""
    limit = subscription.batch
    batch: list[Due] = []
    size = 0
    for each in due:
        octets = 0
        if limit.events > 1:
            octets = len(encode(event(each.report, subscription.schema)).encode()) + 1
        if batch and (len(batch) >= limit.events or size + octets > limit.kilobytes * 1024):
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += octets
    if batch:
        yield batch
