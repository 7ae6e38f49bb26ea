"""From what came back to reports: finds the delivery that it is about, and records it once."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final

from gatepost.feedback.provider_events import ProviderEvent
from gatepost.model.delivery import Delivery
from gatepost.model.operator_event import ReportEvent
from gatepost.model.provider_events import STATUSES, Meaning
from gatepost.queue.deliveries_contract import Deliveries
from gatepost.queue.delivery_marks import DeliveryMarks, MarkedDelivery
from gatepost.reports.bounces import Bounce, ServerReply
from gatepost.reports.relayed_outcomes import Feedback, RelayedOutcomes
from gatepost.reports.suppression import fold

_REPLY: Final = re.compile(r"\b([245]\d\d)[ #-]{1,2}([245]\.\d{1,3}\.\d{1,3})\b", re.ASCII)
"""The codes of a reply somewhere in a text."""


class FeedbackRecorder:
    """Records what others say about relayed mail."""

    def __init__(
        self,
        deliveries: Deliveries,
        outcomes: RelayedOutcomes,
        marks: DeliveryMarks,
        report: ReportEvent,
        now: Callable[[], datetime],
    ) -> None:
        self._deliveries, self._outcomes, self._marks = deliveries, outcomes, marks
        self._report, self.now = report, now

    async def record(self, source: str, events: Sequence[ProviderEvent]) -> int:
        """Record a provider's events; return how many recipients they were about.

        What is about no delivery of this relay is reported to the operator. Raises QueueError.
        """
        count = 0
        for each in events:
            if each.then is None:
                self._report("feedback_unknown", source=source, kind=each.kind[:80])
            elif each.then != "nothing":
                count += await self._record(source, each, each.then)
        return count

    async def _record(self, source: str, event: ProviderEvent, then: Meaning) -> int:
        try:
            marked = self._marks.read(event.delivery)
        except ValueError:
            self._miss(source, event, "it does not name a delivery of this relay")
            return 0
        some = [
            _feedback(recipient, reason, event, then, self.now())
            for recipient, reason in event.recipients
        ]
        recorded = await self.record_about(marked, some)
        if not recorded:
            self._miss(source, event, "it is about no recipient of a delivery in the history")
        return recorded

    async def record_about(self, marked: MarkedDelivery, some: Sequence[Feedback]) -> int:
        """Record what came back about a delivery; return the number of its recipients that it is
        about, 0 for a delivery that is forgotten. Raises QueueError."""
        deliveries = await self._deliveries.find(marked.message)
        try:
            message = await self._deliveries.message(marked.message)
        except KeyError:
            return 0
        found = list(feedback_of_mark(marked, deliveries, some))
        await self._outcomes.record_feedback(message, found)
        return len(found)

    def _miss(self, source: str, event: ProviderEvent, reason: str) -> None:
        self._report(
            "feedback_unmatched", source=source, kind=event.kind[:80],
            rcpt_to=[recipient for recipient, _ in event.recipients[:10]],
            provider_id=event.id[:200], reason=reason,
        )  # fmt: skip


def _feedback(
    recipient: str, reason: str, event: ProviderEvent, then: Meaning, now: datetime
) -> Feedback:
    is_complaint = then == "complained"
    # Never later than now: a report is sent at its time.
    return Feedback(
        recipient, STATUSES.get(then), min(event.at or now, now), reason, event.server,
        is_hard=is_complaint or (then == "bounced" and bounce_in(reason) in ("hard", None)),
        for_good=is_complaint,
    )  # fmt: skip


def bounce_in(reason: str) -> Bounce | None:
    """Return the kind of bounce that the codes in a reason tell; None: it has none."""
    match = _REPLY.search(reason)
    return None if match is None else ServerReply(int(match[1]), match[2]).bounce


def feedback_of_mark(
    marked: MarkedDelivery, deliveries: Sequence[Delivery], some: Sequence[Feedback]
) -> Iterator[Feedback]:
    """Yield what is about recipients of the delivery, who are spelled as the message had them.

    Who reports about a mark of one recipient need not name him.
    """
    own = next((each for each in deliveries if each.id == marked.delivery), None)
    ours = [str(each.recipient.address) for each in own.addressees] if own is not None else []
    only = ours[0] if len(ours) == 1 else ""
    if marked.place is not None and marked.place < len(ours):
        only = ours[marked.place]
    by_key = {fold(each): each for each in ours}  # whoever has the mark got this delivery only
    for each in some:
        recipient = by_key.get(fold(each.recipient), "") or only
        if only and marked.place is not None:
            recipient = only
        if recipient:
            yield Feedback(
                recipient, each.status, each.at, each.message, each.server, each.is_hard,
                each.for_good,
            )  # fmt: skip
