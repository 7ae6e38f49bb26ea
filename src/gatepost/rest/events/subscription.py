"""Event subscriptions: which events an endpoint gets, and how."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal, Protocol
from urllib.parse import urlsplit, urlunsplit

from gatepost.model.report import TYPES, Report
from gatepost.model.secret import Secret
from gatepost.rest.events.webhook_retry import Backoff

Schema = Literal["eventgrid", "cloudevents"]
State = Literal["Succeeded", "AwaitingManualAction", "Failed"]

PROVIDER: Final = "/providers/Microsoft.EventGrid/eventSubscriptions/"
MANUAL: Final = timedelta(minutes=10)
"""Validity of a validation URL (Microsoft Learn, "Endpoint validation")."""
MAX_NAME: Final = 64
_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")

MAX_BATCH: Final = 5000
MAX_BATCH_KILOBYTES: Final = 1024
MAX_ATTEMPTS: Final = 30
MAX_MINUTES: Final = 1440
MAX_URL: Final = 4096


@dataclass(frozen=True, slots=True)
class EventFilter:
    """The wanted reports."""

    types: tuple[str, ...] = ()
    """Event types; empty: all."""
    subject_begins: str = ""
    subject_ends: str = ""
    case_sensitive: bool = False

    def wants(self, report: Report) -> bool:
        """Tell whether a report passes."""
        if self.types and report.type not in self.types:
            return False
        subject, begins, ends = report.subject, self.subject_begins, self.subject_ends
        if not self.case_sensitive:
            subject, begins, ends = subject.lower(), begins.lower(), ends.lower()
        return subject.startswith(begins) and subject.endswith(ends)


@dataclass(frozen=True, slots=True)
class BatchSize:
    """Number of events in one request."""

    events: int = 1
    kilobytes: int = 64


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to give up (Event Grid's retry policy)."""

    attempts: int = MAX_ATTEMPTS
    minutes: int = MAX_MINUTES

    def within(self, schedule: Backoff) -> Backoff:
        """Return the relay's schedule, limited to these values if they are lower."""
        return Backoff(
            schedule.steps,
            schedule.jitter,
            min(schedule.attempts, self.attempts),
            min(schedule.time_to_live, timedelta(minutes=self.minutes)),
        )


@dataclass(frozen=True, slots=True)
class EventSubscription:
    """One subscription. The URL may contain a secret: show ``endpoint`` instead."""

    name: str
    scope: str
    """Id of a Communication Services resource; empty: the reports of all."""
    url: Secret
    created_at: datetime
    schema: Schema = "eventgrid"
    filter: EventFilter = EventFilter()
    batch: BatchSize = BatchSize()
    retry: RetryPolicy = RetryPolicy()
    ca_file: str = ""
    """CA certificates for the endpoint's certificate; empty: the system's."""
    labels: tuple[str, ...] = ()
    state: State = "Succeeded"
    token: Secret = field(default_factory=lambda: Secret(""))
    """Completes a manual validation."""

    @property
    def id(self) -> str:
        """Its id in Resource Manager; without a scope if it is for all resources."""
        return f"{self.scope}{PROVIDER}{self.name}"

    @property
    def key(self) -> str:
        """The id in the form for comparisons."""
        return self.id.lower()

    @property
    def endpoint(self) -> str:
        """The URL without what may be secret: query, fragment and user."""
        return base_url(self.url.reveal())

    def state_at(self, now: datetime) -> State:
        """Return its state; a manual validation that was not completed in time has failed."""
        late = self.state == "AwaitingManualAction" and now >= self.created_at + MANUAL
        return "Failed" if late else self.state

    def wants(self, report: Report) -> bool:
        """Tell whether it gets a report."""
        if self.state != "Succeeded" or not self.filter.wants(report):
            return False
        return not self.scope or self.scope.lower() == report.resource.lower()


def base_url(url: str) -> str:
    """Return a URL without query, fragment and user."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


class SubscriptionError(ValueError):
    """The request is not valid; the message contains no secret."""


def check_url(url: str, is_loopback: Any) -> str:
    """Return the URL of an endpoint. Raises SubscriptionError.

    Event Grid accepts only https; here http is permitted to this machine.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise SubscriptionError("the endpoint is not a URL") from error
    if len(url) > MAX_URL or not url.isprintable() or " " in url:
        raise SubscriptionError("the endpoint is not a URL")
    if parts.scheme not in ("http", "https") or not host:
        raise SubscriptionError("the endpoint must be an https:// URL (http:// on this machine)")
    if parts.scheme == "http" and not is_loopback(host):
        raise SubscriptionError("http:// is for endpoints on this machine; use https://")
    return url


def check_name(name: str) -> str:
    """Return the name of a subscription. Raises SubscriptionError."""
    if not 3 <= len(name) <= MAX_NAME or not set(name) <= _NAME:
        raise SubscriptionError(
            f"a subscription's name must have 3 to {MAX_NAME} letters, digits and hyphens"
        )
    return name


def check_types(types: tuple[str, ...]) -> tuple[str, ...]:
    """Return event types in their own spelling. Raises SubscriptionError for an unknown one."""
    spellings = {each.lower(): each for each in TYPES}
    spellings |= {each.rpartition(".")[2].lower(): each for each in TYPES}
    for each in types:
        if each.lower() not in spellings:
            raise SubscriptionError(
                f"unknown event type {each[:80]!r}; there are {', '.join(TYPES)}"
            )
    return tuple(dict.fromkeys(spellings[each.lower()] for each in types))


def check_number(name: str, value: Any, most: int) -> int:
    """Return a whole number from 1 to ``most``. Raises SubscriptionError."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise SubscriptionError(f"{name} must be a number from 1 to {most}")
    return value


class EventSubscriptions(Protocol):
    """The subscriptions, and the handshake before each."""

    @property
    def all(self) -> Sequence[EventSubscription]:
        """All of them, by name."""

    def get(self, key: str) -> EventSubscription | None:
        """Return the one with this id."""

    def now(self) -> datetime:
        """Return the time, UTC."""

    async def subscribe(self, subscription: EventSubscription) -> EventSubscription:
        """Validate the endpoint, then add the subscription or replace the one with its id; return
        it as saved.

        Its state is AwaitingManualAction while the endpoint may still confirm by opening the
        validation URL. Raises SubscriptionError if it refuses or does not answer.
        """

    async def change(self, subscription: EventSubscription) -> None:
        """Save a subscription whose endpoint has not changed."""

    async def unsubscribe(self, subscription: EventSubscription) -> None:
        """Delete a subscription, and its pending events."""

    async def try_confirm(self, key: str, token: str) -> bool:
        """Complete a manual validation; tell whether the token is right and in time."""
