"""Records results of deliveries, with notifications in the same commit, and reports them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final, NamedTuple

from gatepost.errors import LeaseLost, QueueError
from gatepost.model.body import Body
from gatepost.model.delivery import Lease, Settlement, Verdict, VerdictKind
from gatepost.model.dsn import Reported
from gatepost.model.reply import Reply
from gatepost.model.route import NextHop
from gatepost.queue.attempt_result import AttemptResult
from gatepost.queue.retry_schedule import Random
from gatepost.relay.notifier import Notifier
from gatepost.relay.outcome_reports import ended_recipients
from gatepost.relay.reroute_order import RerouteOrder
from gatepost.relay.routes import retry_of
from gatepost.relay.safe_error_text import explain
from gatepost.relay.settlement import WAITS, Judged, Pace, give_back, judge
from gatepost.relay.shared_by_delivery import DeliveryContext, Load

LATER: Final = timedelta(minutes=5)
"""Time until the next attempt if an internal error prevented the calculation of a better one."""
PATIENCE: Final = (0.05, 0.2, 1.0, 5.0, 15.0)
"""Seconds between tries to write to a store that does not work; the last one repeats."""

EXPIRED: Final = "it has expired"
"""Why mail failed that no server refused permanently."""


class NextAttempt(NamedTuple):
    """When a delivery that was deferred is attempted again."""

    next_at: datetime | None
    """None: it is held, or expires while its next hop is paused."""
    is_held: bool = False


FindNextAttempt = Callable[[datetime], Awaitable[NextAttempt]]
"""Returns when something that is due at a time is really attempted."""


class Settler:
    """Settles leases."""

    def __init__(self, context: DeliveryContext, notifier: Notifier, random: Random) -> None:
        self._deliveries, self._routes = context.deliveries, context.routes
        self._report, self._now = context.report, context.now
        self._notifier, self._random = notifier, random
        self._outcomes = context.outcomes

    async def settle(
        self,
        lease: Lease,
        result: AttemptResult,
        load: Load,
        when: FindNextAttempt,
        order: Callable[[], RerouteOrder | None] = lambda: None,
    ) -> datetime | None:
        """Record the result of an attempt. ``order`` returns an operator's order that holds for the
        recipients who wait.

        Returns when the queue has something new to do: the time of the next attempt, or of a
        notification.
        """
        now = self._now()
        retry = retry_of(self._routes.named(lease.delivery.next_hop.route))
        pace = Pace(retry, self._random, timedelta(seconds=result.retry_after))

        settlement = await self._decide(lease, lambda: judge(lease, result, pace, now), load, now)
        if settlement is None:
            verdicts = [_undecided(each) for each in result.verdicts]
            settlement = Settlement(verdicts, now + LATER, attempt=result.attempt)
        if (reroute := order()) is not None:
            settlement = reroute.applied(settlement, lease, now)
        if not await self._try_write(lease, settlement):
            return None
        later = None if settlement.next_at is None else await when(settlement.next_at)
        self._tell(lease, result, settlement, later)
        self._tell_rerouted(lease, settlement)
        return now if settlement.emits else settlement.next_at

    async def give_back(
        self,
        lease: Lease,
        load: Load,
        next_at: datetime,
        moved: Sequence[NextHop] = (),
        order: RerouteOrder | None = None,
    ) -> datetime | None:
        """Record that a delivery could not be attempted; it fails if it has expired.

        ``moved`` is the new next hop of each waiting recipient, if the route no longer exists;
        ``order`` is an operator's.
        """
        now = self._now()

        settlement = await self._decide(lease, lambda: give_back(lease, now, next_at), load, now)
        if settlement is None:
            verdicts = [Verdict("deferred", WAITS)] * len(lease.delivery.waiting)
            settlement = Settlement(verdicts, now + LATER)
        if moved:
            settlement = replace(settlement, moved=tuple(moved))
        if order is not None:
            settlement = order.applied(settlement, lease, now)
        if not await self._try_write(lease, settlement):
            return None
        if settlement.next_at is None:
            reply = str(settlement.verdicts[0].reply)
            self._report("message_failed", **_named(lease), reply=reply, reason=EXPIRED)
            if lease.message.envelope.sender is None:
                recipients = [str(each.address) for each in lease.delivery.waiting]
                self._tell_lost(lease, recipients, f"{EXPIRED}: {reply}")
        self._tell_warned(lease, settlement)
        self._tell_rerouted(lease, settlement)
        return now if settlement.emits else settlement.next_at

    async def _decide(
        self, lease: Lease, decide: Callable[[], Judged], load: Load, now: datetime
    ) -> Settlement | None:
        """Decide on the settlement. An internal error in it must not lose a message."""
        try:
            judged = decide()
            settlement = judged.settlement
            if judged.reported:
                settlement = await self._with_mail(lease, judged, load, now)
            return self._with_reports(lease, settlement, now)
        except Exception as error:  # noqa: BLE001
            self._report("internal_error", id=lease.message.id, reason=explain(error))
            return None

    async def _with_mail(
        self, lease: Lease, judged: Judged, load: Load, now: datetime
    ) -> Settlement:
        body = await self._returned(lease, judged.reported, load)
        try:
            emits = await self._notifier.notify(lease.message, body, judged.reported, now)
        except (QueueError, OSError):  # a large one is read only here
            emits = await self._notifier.notify(lease.message, None, judged.reported, now)
        return replace(judged.settlement, emits=emits)

    def _with_reports(self, lease: Lease, settlement: Settlement, now: datetime) -> Settlement:
        if self._outcomes is None:
            return settlement
        ended = tuple(ended_recipients(lease.delivery, settlement, now))
        if not ended:
            return settlement
        record = self._outcomes.describe(lease.message, ended)
        return replace(settlement, reports=record.reports, suppressed=record.suppressed,
                       notes=record.notes)  # fmt: skip

    async def _returned(
        self, lease: Lease, reported: Sequence[Reported], load: Load
    ) -> Body | None:
        """Return the part of a message that a notification contains. The sender gets it even if the
        body is damaged."""
        if lease.message.envelope.sender is None or not reported:
            return None
        try:
            return await load()
        except (KeyError, QueueError, OSError):
            return None

    async def _try_write(self, lease: Lease, settlement: Settlement) -> bool:
        """Write the settlement, however long it takes, because what was sent once must not be sent
        again."""
        for number in count():
            try:
                await self._deliveries.settle(lease, settlement, self._now())
            except LeaseLost as error:
                if settlement.attempt is not None:  # else it was only to be returned
                    reply = str(settlement.attempt.reply)
                    self._report("lease_lost", **_named(lease), reply=reply, reason=str(error))
                return False
            except Exception as error:  # noqa: BLE001 - also of what nobody foresaw
                if number == 0:
                    self._report("not_settled", **_named(lease), reason=explain(error))
                await asyncio.sleep(PATIENCE[min(number, len(PATIENCE) - 1)])
            else:
                if self._outcomes is not None and settlement.reports:
                    self._outcomes.tell_recorded()
                return True
        return False  # pragma: no cover - it counts for ever

    def _tell(
        self, lease: Lease, result: AttemptResult, settlement: Settlement, later: NextAttempt | None
    ) -> None:
        """Report each verdict, and each reply separately."""
        attempt = result.attempt
        alike: dict[tuple[VerdictKind, Reply, bool], list[str]] = {}
        judged = zip(lease.delivery.waiting, result.verdicts, settlement.verdicts, strict=True)
        for recipient, verdict, final in judged:
            is_over = final.kind == "failed" and verdict.kind == "deferred"
            some = alike.setdefault((final.kind, final.reply, is_over), [])
            some.append(str(recipient.address))
        for (kind, reply, is_over), recipients in alike.items():
            facts: dict[str, Any] = {"host": str(attempt.contact)}
            if kind == "delivered":
                facts |= {"seconds": round(attempt.seconds, 3)}
            else:
                why = attempt.advice or reply.reason
                facts |= {"reason": ": ".join(filter(None, (EXPIRED if is_over else "", why)))}
            if kind == "deferred" and later is not None:
                facts |= {
                    "next_at": None if later.next_at is None else _time(later.next_at),
                    "expires_at": _time(lease.delivery.expires_at),
                    "held": later.is_held,
                }
            self._report(_EVENTS[kind], **_named(lease, recipients), reply=str(reply), **facts)
            if kind == "failed" and lease.message.envelope.sender is None:
                self._tell_lost(lease, recipients, str(reply))
        self._tell_warned(lease, settlement)

    def _tell_lost(self, lease: Lease, rcpt_to: Sequence[str], reason: str) -> None:
        """Report to the operator that a notification failed: nobody else is told, and its recipient
        does not know what happened to a message."""
        for each in rcpt_to:
            self._report("notification_lost", id=lease.message.id, mail_from=each, reason=reason)

    def _tell_rerouted(self, lease: Lease, settlement: Settlement) -> None:
        if (order := settlement.rerouted) is not None:
            told = {"target": order.target, "by": order.by or None}
            self._report("message_rerouted", **_named(lease), **told)

    def _tell_warned(self, lease: Lease, settlement: Settlement) -> None:
        if settlement.warned and settlement.emits:
            sender = str(lease.message.envelope.sender)
            self._report("sender_warned", id=lease.message.id, mail_from=sender)


_EVENTS: Final[dict[VerdictKind, str]] = {
    "delivered": "message_delivered",
    "deferred": "message_deferred",
    "failed": "message_failed",
}


def _undecided(verdict: Verdict) -> Verdict:
    """Defer a recipient whose failure we cannot report."""
    return replace(verdict, kind="deferred") if verdict.kind == "failed" else verdict


def _named(lease: Lease, rcpt_to: Sequence[str] | None = None) -> dict[str, Any]:
    recipients = rcpt_to or [str(each.address) for each in lease.delivery.waiting]
    return {
        "id": lease.message.id,
        "delivery": lease.delivery.id,
        "next_hop": lease.delivery.next_hop.key,
        "rcpt_to": recipients,
    }


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
