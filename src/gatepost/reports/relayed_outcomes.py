"""What subscribers learn of relayed mail, from replies of servers and from what comes back later.

Each recipient has one report of a delivery, or of the refusal in its place; a bounce that comes
back after the delivery has another one. Their ids are always the same, and a store ignores ids that
it has, so that a report is sent once however often it is made.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from gatepost.model.address import Address
from gatepost.model.delivery import QueuedMessage
from gatepost.model.message import StoredMessage, Submission
from gatepost.model.note import Note
from gatepost.model.report import DeliveryStatus, PublishedReport, SuppressedPeriod
from gatepost.queue.accepted_mail import (
    AcceptedMail,
    id_key,
    ids_in,
    message_id_key,
    recipient_key,
    scope_of,
)
from gatepost.queue.deliveries_contract import queued
from gatepost.relay.outcome_reports import EndedRecipient, OutcomeRecord
from gatepost.reports.hard_bounces import ServerReply
from gatepost.reports.message_sources import Sources
from gatepost.reports.outcomes import USUAL, ReportedOutcome, status_of
from gatepost.reports.report_contents import delivery_report
from gatepost.reports.report_creator import ReportCreator
from gatepost.reports.suppression import fold

RETURNED: Final = "returned"
"""In the id of a report about what came back."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody says, after a next hop has taken a message, about one of its recipients."""

    recipient: str
    status: DeliveryStatus | None
    """None: nothing final."""
    at: datetime
    message: str = ""
    server: str = ""
    is_hard: bool = False
    """The address does not exist, or wants no more mail."""
    for_good: bool = False
    """It wants no more mail, so that it stays suppressed until somebody removes it."""


@dataclass(frozen=True, slots=True)
class ProviderFeedback:
    """What the provider behind a target says later about its mail."""

    has_delivery_events: bool = True
    """Its mail is delivered only when the provider says so."""
    by_recipient: bool = False
    """It may know nothing of a message but the recipient."""


class RelayedOutcomes:
    """Implements ``relay.outcome_reports.OutcomeReporter``."""

    def __init__(
        self,
        creator: ReportCreator,
        sources: Sources,
        providers: Mapping[str, ProviderFeedback],
        remembers: timedelta,
        *,
        suppresses: bool = True,
    ) -> None:
        """``providers``: what they say later about mail, by the names of its targets;
        ``remembers``: for how long it is found again."""
        self._creator, self._sources = creator, sources
        self._suppresses = suppresses
        self._providers, self._remembers = providers, remembers

    def describe(self, message: QueuedMessage, ended: Sequence[EndedRecipient]) -> OutcomeRecord:
        if message.envelope.sender is None:  # a notification of ours
            return OutcomeRecord()
        reports: list[PublishedReport] = []
        suppressed: list[SuppressedPeriod] = []
        for each in ended:
            provider = self._providers.get(each.contact.target)
            if each.is_delivered and provider is not None and provider.has_delivery_events:
                continue
            outcome = _outcome(message, each)
            recipient = str(each.address)
            reports.append(self._published(message, recipient, outcome))
            if outcome.hard:
                suppressed.append(self._creator.suppress(recipient, each.at))
        return OutcomeRecord(tuple(reports), tuple(suppressed), tuple(self._notes(message, ended)))

    def _notes(self, message: QueuedMessage, ended: Sequence[EndedRecipient]) -> Iterator[Note]:
        """Yield by what the events of providers find the mail that they have taken."""
        for each in ended:
            target = each.contact.target
            provider = self._providers.get(target)
            if not each.is_delivered or provider is None:
                continue
            scope, until = scope_of(target), each.at + self._remembers
            of_message = AcceptedMail(message.id)
            of_recipient = AcceptedMail(message.id, each.delivery, each.place)
            shared = sum(other.reply is each.reply or other.reply == each.reply for other in ended)
            of_id = of_recipient if shared == 1 else AcceptedMail(message.id, each.delivery)
            keys = {id_key(id_): of_id for id_ in ids_in(each.reply)}
            keys[message_id_key(message.message_id)] = of_message
            if provider.by_recipient:
                keys[recipient_key(fold(str(each.address)))] = of_recipient
            for key, mail in keys.items():
                if key:
                    yield Note(scope, key, mail.written(), until)

    def tell_recorded(self) -> None:
        self._creator.tell_published()

    async def record_feedback(self, message: QueuedMessage, some: Sequence[Feedback]) -> None:
        """Record what came back about a message. Raises QueueError."""
        reports: list[PublishedReport] = []
        suppressed: list[SuppressedPeriod] = []
        for said in some:
            each = replace(said, at=max(said.at, message.received_at))  # whatever its clock says
            if each.status is not None:
                delay = max(0.0, (each.at - message.received_at).total_seconds())
                outcome = ReportedOutcome(
                    each.status, each.message, bool(each.server), each.is_hard, delay, each.server
                )
                more = () if each.status == "Delivered" else (RETURNED,)
                reports.append(self._published(message, each.recipient, outcome, *more))
            if each.is_hard:
                until = self._creator.suppress(each.recipient, each.at, for_good=each.for_good)
                suppressed.append(until)
        if reports or suppressed:
            await self._creator.record(reports, suppressed)

    def suppressed(self, submission: Submission) -> frozenset[Address]:
        """Return the recipients to whom a message must not be sent."""
        sender = submission.envelope.sender
        if sender is None or not (self._suppresses and self._creator.may_suppress):
            return frozenset()
        service = self._sources.service_of(_listed(queued(submission)))
        recipients = [each.address for each in submission.envelope.recipients]
        return self._creator.suppressed(service, sender, recipients, submission.received_at)

    async def record_suppressed(self, submission: Submission, some: Collection[Address]) -> None:
        """Record that recipients get nothing, because they are suppressed. Raises QueueError."""
        message = queued(submission)
        reports = [self._published(message, str(each), USUAL["Suppressed"]) for each in some]
        now = message.received_at
        prolonged = [self._creator.prolong(str(each), now) for each in some]
        await self._creator.record(reports, [each for each in prolonged if each is not None])

    def _published(
        self, message: QueuedMessage, recipient: str, outcome: ReportedOutcome, *more: str
    ) -> PublishedReport:
        listed = _listed(message)
        resource = self._sources.resource_of(listed)
        report = delivery_report(listed, recipient, outcome, resource, *more)
        return self._creator.published(report)


def _outcome(message: QueuedMessage, ended: EndedRecipient) -> ReportedOutcome:
    """Return the outcome of an attempt: a refusal of ours, or a reply 4yz at the end of the time
    for attempts, is no bounce."""
    reply = ended.reply
    status = str(reply.status) if reply.status is not None else ""
    text = " ".join(reply.lines)
    said = ServerReply(reply.code, status, text)
    result: DeliveryStatus = "Delivered" if ended.is_delivered else "Failed"
    is_hard = not ended.is_delivered and ended.is_remote and said.bounce == "hard"
    if is_hard:
        result = status_of(said)
    delay = (ended.at - message.received_at).total_seconds()
    return ReportedOutcome(result, str(said), False, is_hard, delay, ended.contact.host)


def _listed(message: QueuedMessage) -> StoredMessage:
    sender = message.envelope.sender
    return StoredMessage(
        message.id,
        message.received_at,
        str(sender) if sender is not None else "",
        (),
        message.subject,
        message.message_id,
        message.size,
        message.principal,
    )
