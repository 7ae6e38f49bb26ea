"""From what came back to reports: finds the delivery that it is about, and records it once."""

import re
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Final

from gatepost.feedback.provider_events import EventBatch, ProviderEvent
from gatepost.feedback.quota_notices import target_of
from gatepost.model.delivery import Addressee, Delivery
from gatepost.model.operator_event import ReportEvent
from gatepost.model.provider_events import STATUSES, Meaning
from gatepost.queue.accepted_mail import (
    AcceptedMail,
    id_keys,
    message_id_key,
    read_accepted,
    recipient_key,
    scope_of,
)
from gatepost.queue.deliveries_contract import Deliveries
from gatepost.queue.delivery_marks import DeliveryMarks, MarkedDelivery, for_events
from gatepost.queue.notes_contract import NoteStore
from gatepost.reports.hard_bounces import Bounce, ServerReply
from gatepost.reports.relayed_outcomes import Feedback, RelayedOutcomes
from gatepost.reports.suppression import fold

_REPLY: Final = re.compile(r"\b([245]\d\d)[ #-]{1,2}([245]\.\d{1,3}\.\d{1,3})\b", re.ASCII)
"""The codes of a reply somewhere in a text."""
KeepEarly = Callable[[str, Sequence[ProviderEvent]], Awaitable[None]]
"""Keeps the events of a source until what they are about is recorded."""


class FeedbackRecorder:
    """Records what others say about relayed mail."""

    def __init__(
        self,
        deliveries: Deliveries,
        notes: NoteStore,
        outcomes: RelayedOutcomes,
        marks: DeliveryMarks,
        report: ReportEvent,
        now: Callable[[], datetime],
    ) -> None:
        self._deliveries, self._outcomes, self._marks = deliveries, outcomes, marks
        self._notes = notes
        self.report, self.now = report, now
        self.keep_early: KeepEarly | None = None
        """None: what is not found at once is never found."""

    async def record(self, source: str, targets: Collection[str], batch: EventBatch) -> int:
        """Record a provider's events about mail that left by ``targets``; return how many
        recipients they were about.

        What is about no mail yet is kept; what is no event, or about no mail of this relay, is
        reported to the operator. Raises QueueError.
        """
        if batch.malformed:
            self.report("feedback_malformed", source=source, count=batch.malformed)
        count, early = 0, list[ProviderEvent]()
        for each in batch.events:
            if each.then is None:
                self.report("feedback_unknown", source=source, kind=each.kind[:80])
            elif each.then != "nothing":
                recorded, rest = await self.try_record(source, targets, each)
                count += recorded
                early += [rest] if rest is not None else []
        if early and self.keep_early is not None:
            await self.keep_early(source, early)
        return count

    async def try_record(
        self, source: str, targets: Collection[str], event: ProviderEvent
    ) -> tuple[int, ProviderEvent | None]:
        """Record an event of a meaning; return how many recipients it was about, and the part of it
        that may be about mail whose settlement is yet to come. Raises QueueError."""
        found = await self._find(targets, event)
        if found is None:
            if self.keep_early is not None and _has_own_name(event):
                return 0, event
            self._miss(source, event, "it does not name a delivery of this relay by its targets")
            return 0, None
        some = [
            _feedback(recipient, reason, event, event.then or "nothing", self.now())
            for recipient, reason in event.recipients
        ]
        recorded = await self._record_about(found, some, targets)
        if len(recorded) < len(some) and await self._may_keep(found):
            known = {fold(each.recipient) for each in recorded}
            rest = tuple([each for each in event.recipients if fold(each[0]) not in known])
            return len(recorded), replace(event, recipients=rest) if rest else None
        if not recorded:
            self._miss(source, event, "it is about no recipient of a delivery in the history")
        return len(recorded), None

    async def _may_keep(self, mail: AcceptedMail) -> bool:
        """Tell whether some of the mail waits to be settled."""
        if self.keep_early is None:
            return False
        deliveries = await self._deliveries.find(mail.message)
        return any(each.state != "settled" for each in deliveries if mail.delivery in ("", each.id))

    async def _find(self, targets: Collection[str], event: ProviderEvent) -> AcceptedMail | None:
        """Return what an event is about: by our mark, by the provider's id of the message, by the
        Message-ID, or by the recipient, in this order; None: by none of them."""
        with suppress(ValueError):
            marked = self._marks.read(event.delivery, [for_events(each) for each in targets])
            return AcceptedMail(marked.message, marked.delivery, marked.place)
        keys = [*id_keys(event.id), message_id_key(event.message_id)]
        if not any(keys):
            keys = [recipient_key(fold(address)) for address, _ in event.recipients[:1]]
        wanted = [each for each in keys if each]
        for target in targets if wanted else ():
            if (text := await self._notes.find(scope_of(target), wanted)) is not None:
                return read_accepted(text)
        return None

    async def record_bounce(self, marked: MarkedDelivery, some: Sequence[Feedback]) -> int:
        """Record what came back by mail, from anybody who got the delivery; return the number of
        its recipients that it is about, 0 for one that is forgotten. Raises QueueError."""
        found = AcceptedMail(marked.message, marked.delivery, marked.place)
        return len(await self._record_about(found, some, is_proven=False))

    async def record_returned(
        self, targets: Collection[str], peer: str, message_id: str, some: Sequence[Feedback]
    ) -> int:
        """Record what came back to no address of ours, about a message that one of ``targets``
        took, by its Message-ID; only if its own server brings it. Return the number of recipients
        that it is about. Raises QueueError.

        All recipients know a Message-ID, and some may send by that server: nobody is suppressed.
        """
        key = message_id_key(message_id)
        for target in targets if key else ():
            text = await self._notes.find(scope_of(target), [key])
            if text is None:
                continue
            recorded = 0
            for each in await self._deliveries.find(read_accepted(text).message):
                if target_of(each, peer) == target:  # of an MX, a delivery of its own domain
                    people = {fold(str(one.recipient.address)) for one in each.addressees}
                    about = [
                        replace(one, is_hard=False) for one in some if fold(one.recipient) in people
                    ]
                    mail = AcceptedMail(each.message, each.id)
                    recorded += len(await self._record_about(mail, about)) if about else 0
            return recorded
        return 0

    async def deliveries_of(self, marked: MarkedDelivery) -> Sequence[Delivery]:
        """Return the delivery of a mark, if it is in the history. Raises QueueError."""
        found = await self._deliveries.find(marked.message)
        return [each for each in found if each.id == marked.delivery]

    async def _record_about(
        self,
        mail: AcceptedMail,
        some: Sequence[Feedback],
        targets: Collection[str] = (),
        *,
        is_proven: bool = True,
    ) -> Sequence[Feedback]:
        deliveries = await self._deliveries.find(mail.message)
        if not mail.delivery:
            deliveries = [each for each in deliveries if _has_left_by(each, targets)]
        try:
            message = await self._deliveries.message(mail.message)
        except KeyError:
            return ()
        found = list(feedback_about(mail, deliveries, some, is_proven=is_proven))
        await self._outcomes.record_feedback(message, found)
        return found

    def _miss(self, source: str, event: ProviderEvent, reason: str) -> None:
        self.report(
            "feedback_unmatched", source=source, kind=event.kind[:80],
            rcpt_to=[recipient for recipient, _ in event.recipients[:10]],
            provider_id=event.id[:200], reason=reason,
        )  # fmt: skip


def _has_own_name(event: ProviderEvent) -> bool:
    """Tell whether an event names its message by more than a recipient, who may get another."""
    return bool(id_keys(event.id)) or bool(message_id_key(event.message_id))


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


def feedback_about(
    mail: AcceptedMail,
    deliveries: Sequence[Delivery],
    some: Sequence[Feedback],
    *,
    is_proven: bool = True,
) -> Iterator[Feedback]:
    """Yield what is about recipients of the delivery, or of any delivery of the message, who are
    spelled as the message had them, and who may have got it.

    Who reports about a place, or a delivery to one recipient, need not name him. What is not proven
    to come from a provider may come from any recipient that shares the mark, so it suppresses none
    of them.
    """
    own = [each for each in deliveries if mail.delivery in ("", each.id)]
    people = [(delivery, each) for delivery in own for each in delivery.addressees]
    if mail.delivery and mail.place is not None and mail.place < len(people):
        people = people[mail.place : mail.place + 1]
    only = people[0] if len(people) == 1 and mail.delivery else None
    by_key = {fold(str(each.recipient.address)): (delivery, each) for delivery, each in people}
    for each in some:
        found = only or by_key.get(fold(each.recipient))
        if found is None or not _may_have(*found):
            continue
        _, addressee = found
        is_hard = each.is_hard and (is_proven or only is not None)
        yield replace(each, recipient=str(addressee.recipient.address), is_hard=is_hard)


def _has_left_by(delivery: Delivery, targets: Collection[str]) -> bool:
    return any(each.contact.target in targets for each in delivery.history)


def _may_have(delivery: Delivery, addressee: Addressee) -> bool:
    """Tell whether a next hop may have taken the mail of a recipient."""
    if addressee.fate == "waiting":
        return delivery.attempts > 0 or delivery.state == "leased"
    return addressee.fate in ("delivered", "dropped")
