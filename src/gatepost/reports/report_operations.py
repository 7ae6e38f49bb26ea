"""The event operations of the command line: called by name, with plain fields, answered with
documents.

Scripts depend on the keys of a document. Impossible requests raise ValueError with a sentence,
unknown names KeyError.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec

from gatepost.directory.azure.entries import CommunicationService
from gatepost.model.address import parse_address
from gatepost.model.message import StoredMessage
from gatepost.model.report import Report
from gatepost.model.rfc3339 import utc_text
from gatepost.model.secret import Secret
from gatepost.net.listen import is_loopback
from gatepost.queue.reports_contract import Backlog
from gatepost.reports.outcomes import Rule, make_rule
from gatepost.reports.report_contents import ACTIONS, engagement_report, presumed_reports
from gatepost.reports.report_service import ReportService
from gatepost.rest.events.subscription import (
    MAX_BATCH,
    BatchSize,
    EventFilter,
    EventSubscription,
    Schema,
    check_name,
    check_number,
    check_types,
    check_url,
)

Document = dict[str, Any]
Operation = Callable[[ReportService, Any], Awaitable[Document]]

DEFAULT_NAME: Final = "webhook"
MOST_SEARCHED: Final = 10_000
"""The newest events among which one that is resent must be."""
NO_EVENTS: Final = (
    "only `gatepost up` has scripted outcomes; reports are made there, and by `gatepost serve` "
    "with [events]; `gatepost queue` says what became of other mail"
)


@dataclass(frozen=True, slots=True)
class SetOutcome:
    """``gatepost outcome set``."""

    target: str
    status: str = ""
    code: str = ""
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class OperationTarget:
    """The name of one thing."""

    name: str
    resource: str = ""


@dataclass(frozen=True, slots=True)
class NoArguments:
    """No fields."""


@dataclass(frozen=True, slots=True)
class CreateWebhook:
    """``gatepost webhook create``."""

    url: Secret
    name: str = ""
    resource: str = ""
    schema: Schema = "eventgrid"
    event_types: tuple[str, ...] = ()
    max_batch: int = 1
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class ListEvents:
    """``gatepost events list``; ``message`` may be ``last``."""

    message: str = ""
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Simulate:
    """``gatepost events simulate``."""

    message: str
    type: str
    recipient: str
    link: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Resend:
    """``gatepost events resend``: the ``id`` of an event, or all of a ``message``."""

    id: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Clear:
    """``gatepost suppression delete``: these, or all."""

    addresses: tuple[str, ...] = field(default=())
    everything: bool = False


@dataclass(frozen=True, slots=True)
class SuppressAddresses:
    """``gatepost suppression add``: these, until somebody deletes them."""

    addresses: tuple[str, ...]


# Outcomes.


async def _set_outcome(service: ReportService, request: SetOutcome) -> Document:
    rule = make_rule(request.target, request.status, request.code, request.delay)
    await service.report_creator.catch_up()  # it applies to later mail
    await service.rules.put(rule)
    return _rule(rule)


async def _list_outcomes(service: ReportService, _request: NoArguments) -> Document:
    rules = service.rules.by_target
    return {"outcomes": [_rule(rules[target]) for target in sorted(rules)]}


async def _delete_outcome(service: ReportService, request: OperationTarget) -> Document:
    await service.report_creator.catch_up()
    try:
        return {"deleted": _rule(await service.rules.delete(request.name))}
    except KeyError:
        raise KeyError(f"outcome for {request.name}") from None


def _rule(rule: Rule) -> Document:
    outcome = rule.outcome
    return {
        "target": rule.target,
        "status": rule.status,
        "message": outcome.message,
        "delay": rule.delay,
        "is_hard_bounce": outcome.hard,
    }


# The managed list.


async def _list_suppressed(service: ReportService, _request: NoArguments) -> Document:
    await service.report_creator.catch_up()
    periods = service.report_creator.suppressed_periods(service.now())
    return {
        "suppressed": [
            {
                "address": each.address,
                "since": utc_text(each.since),
                "until": utc_text(each.until),
                "level": each.level,
            }
            for each in sorted(periods, key=lambda each: each.until)
        ]
    }


async def _suppress(service: ReportService, request: SuppressAddresses) -> Document:
    for each in request.addresses:
        try:
            parse_address(each)
        except ValueError as error:
            raise ValueError(f"{each[:80]!r} is not an address: {error}") from None
    added = await service.report_creator.suppress_for_good(request.addresses, service.now())
    return {"added": added}


async def _clear_suppressed(service: ReportService, request: Clear) -> Document:
    await service.report_creator.catch_up()
    addresses = None if request.everything else request.addresses
    return {"deleted": await service.report_creator.forget_suppressed(addresses)}


# Webhooks.


async def _create_webhook(service: ReportService, request: CreateWebhook) -> Document:
    url = Secret(check_url(request.url.reveal(), is_loopback))
    name = request.name or _free_name(service)
    subscription = EventSubscription(
        name=check_name(name),
        scope=_scope(service, request.resource),
        url=url,
        created_at=service.now(),
        schema=request.schema,
        filter=EventFilter(types=check_types(request.event_types)),
        batch=BatchSize(check_number("the size of a batch", request.max_batch, MAX_BATCH)),
        ca_file=request.ca_file,
    )
    if service.get(subscription.key) is not None:
        raise ValueError(f"there is a webhook called {name!r} already; delete it first")
    return _webhook(service, await service.subscribe(subscription), Backlog())


async def _list_webhooks(service: ReportService, _request: NoArguments) -> Document:
    reports = service.store.reports
    return {
        "webhooks": [
            _webhook(service, each, await reports.backlog(each.key)) for each in service.all
        ]
    }


async def _show_webhook(service: ReportService, request: OperationTarget) -> Document:
    webhook = _find_webhook(service, request)
    reports = service.store.reports
    dead = await reports.dead_letters(webhook.key)
    return _webhook(service, webhook, await reports.backlog(webhook.key)) | {
        "dead_letters": [
            {
                **_event(each.report),
                "reason": each.reason,
                "attempts": each.attempts,
                "last_outcome": each.outcome,
                "last_attempt_at": utc_text(each.last_attempt_at),
            }
            for each in dead
        ]
    }


async def _delete_webhook(service: ReportService, request: OperationTarget) -> Document:
    webhook = _find_webhook(service, request)
    backlog = await service.store.reports.backlog(webhook.key)
    await service.unsubscribe(webhook)
    return {"deleted": _webhook(service, webhook, backlog)}


def _free_name(service: ReportService) -> str:
    taken = {each.name.lower() for each in service.all}
    numbered = (f"{DEFAULT_NAME}-{number}" for number in range(2, len(taken) + 3))
    return next(each for each in (DEFAULT_NAME, *numbered) if each not in taken)


def _scope(service: ReportService, resource: str) -> str:
    """Return the id of a resource that is given by id or name; empty stays empty."""
    if not resource:
        return ""
    directory = service.directory
    service_entry = directory.get(CommunicationService, resource)
    if service_entry is None:
        service_entry = next(iter(directory.find(CommunicationService, resource)), None)
    if service_entry is None:
        raise ValueError(f"there is no Communication Services resource {resource!r}")
    return service_entry.id


def _find_webhook(service: ReportService, request: OperationTarget) -> EventSubscription:
    scope = _scope(service, request.resource).lower()
    matches = [
        each
        for each in service.all
        if request.name.lower() in (each.name.lower(), each.key)
        and (not request.resource or each.scope.lower() == scope)
    ]
    if not matches:
        raise KeyError(f"webhook {request.name}")
    if len(matches) > 1:
        raise ValueError(
            f"{len(matches)} webhooks are called {request.name!r}; say which --resource"
        )
    return matches[0]


def _webhook(service: ReportService, each: EventSubscription, backlog: Backlog) -> Document:
    return {
        "name": each.name,
        "id": each.id,
        "resource": each.scope or None,
        "endpoint": each.endpoint,
        "schema": each.schema,
        "event_types": list(each.filter.types),
        "max_batch": each.batch.events,
        "ca_file": each.ca_file or None,
        "state": each.state_at(service.now()),
        "created_at": utc_text(each.created_at),
        "waiting": backlog.waiting,
        "dead": backlog.dead,
        "last_failure": backlog.last_failure or None,
    }


# Events.


async def _list_events(service: ReportService, request: ListEvents) -> Document:
    """List the recorded events, and the deliveries of all other mail."""
    return {"events": [_event(each) for each in await _reports(service, request)]}


async def _reports(service: ReportService, request: ListEvents) -> Sequence[Report]:
    store = service.store
    one: str | None = None
    if request.message:
        messages = await _captured(service, request.message)
        one = messages[0].id if messages else request.message
    else:
        messages = list((await store.list())[: request.limit])
    await service.report_creator.catch_up()  # only now, when every message above has been consumed
    reports: list[Report] = list(await store.reports.list_reports(one, limit=request.limit))
    if one is not None and not (messages or reports):
        raise KeyError(f"message {one}")
    recorded = {each.id for each in reports}
    for message in messages:
        own = await store.reports.list_reports(message.id) if one is None else reports
        recorded.update(each.id for each in own)
        presumed = presumed_reports(message, service.sources.resource_of(message))
        reports += [each for each in presumed if each.id not in recorded]
    reports = [each for each in reports if each.at <= service.now()]
    reports.sort(key=lambda each: each.at, reverse=True)
    return reports[: request.limit]


async def _simulate(service: ReportService, request: Simulate) -> Document:
    """Publish that somebody opened a message, or followed a link in it."""
    if request.type not in ACTIONS:
        raise ValueError(f"the action must be one of {', '.join(ACTIONS)}")
    if (request.type == "click") != bool(request.link):
        raise ValueError("a click has a --link, a view has none")
    store, sources = service.store, service.sources
    message = await _message(service, request.message)
    by_key = {each.lower(): each for each in message.rcpt_to}
    recipient = by_key.get(request.recipient.lower())
    if recipient is None:
        raise ValueError(f"{request.recipient} is not a recipient of message {message.id}")
    name = message.mail_from.rpartition("@")[2]
    domain = sources.domain_of(sources.service_of(message), name)
    if domain is None or not domain.engagement_tracking:
        raise ValueError(
            f"user engagement tracking is off for {name or 'a message without a sender'}, "
            "so nobody notes who reads its mail"
        )
    try:
        operation = await store.operations.get(message.id)
    except KeyError:
        pass  # it came over SMTP, which has no such switch
    else:
        if operation.tracking_disabled:
            raise ValueError("this message was sent with userEngagementTrackingDisabled")
    report = replace(
        engagement_report(
            message, recipient, request.type, request.link, request.user_agent, service.now()
        ),
        resource=sources.resource_of(message),
    )
    await service.report_creator.publish(report)
    return _event(report)


async def _resend(service: ReportService, request: Resend) -> Document:
    """Send events again to the webhooks that want them."""
    if not (request.id or request.message):
        raise ValueError("say which event, or which message")
    listed = ListEvents(request.message, MOST_SEARCHED)
    reports = [
        each for each in await _reports(service, listed) if request.id in ("", each.id)
    ]  # fmt: skip
    if not reports:
        raise KeyError(f"event {request.id}" if request.id else f"event of {request.message}")
    names: set[str] = set()
    for each in reports:
        for key in await service.report_creator.resend(each, service.now()):
            webhook = service.get(key)
            names.add(webhook.name if webhook is not None else key)
    return {"resent": [_event(each) for each in reports], "webhooks": sorted(names)}


async def _captured(service: ReportService, name: str) -> list[StoredMessage]:
    """Return a captured message, or none for one that is relayed."""
    try:
        return [await service.store.get(name)]
    except KeyError:
        return []


async def _message(service: ReportService, name: str) -> StoredMessage:
    try:
        return await service.store.get(name)
    except KeyError:
        raise KeyError(f"message {name}") from None


def _event(report: Report) -> Document:
    return {
        "id": report.id,
        "time": utc_text(report.at),
        "type": report.type,
        "message": report.message,
        "recipient": report.recipient,
        "status": report.status,
        "topic": report.resource.lower(),
        "subject": report.subject,
        "data": dict(report.data),
    }


OPERATIONS: Final[Mapping[str, tuple[type, Operation]]] = {
    "outcome_set": (SetOutcome, _set_outcome),
    "outcome_list": (NoArguments, _list_outcomes),
    "outcome_delete": (OperationTarget, _delete_outcome),
    "suppression_list": (NoArguments, _list_suppressed),
    "suppression_add": (SuppressAddresses, _suppress),
    "suppression_delete": (Clear, _clear_suppressed),
    "webhook_create": (CreateWebhook, _create_webhook),
    "webhook_list": (NoArguments, _list_webhooks),
    "webhook_show": (OperationTarget, _show_webhook),
    "webhook_delete": (OperationTarget, _delete_webhook),
    "events_list": (ListEvents, _list_events),
    "events_simulate": (Simulate, _simulate),
    "events_resend": (Resend, _resend),
}
"""By name: the type of the fields, and the function."""


async def operate(service: ReportService, name: str, fields: Mapping[str, Any]) -> Document:
    """Run an operation. Raises ValueError, KeyError and what the store raises."""
    form, operation = OPERATIONS[name]
    request: Any = msgspec.convert(fields, form, dec_hook=_secret)
    return await operation(service, request)


def _secret(kind: type, value: Any) -> Any:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise NotImplementedError(kind.__name__)
