"""What a provider reports about mail that it took, as data: how to trust it, and what it means."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from gatepost.model.http_provider import Placeholder, ProviderSignIn
from gatepost.model.report import DeliveryStatus

Proof = Literal["sns", "ecdsa", "mailgun", "svix", "basic"]
"""How a webhook shows who sends it: signed by Amazon SNS; ECDSA over timestamp and body; Mailgun's
HMAC over timestamp and token; Svix's HMAC over id, timestamp and body; a password."""
Meaning = Literal[
    "delivered", "expanded", "bounced", "failed", "suppressed", "quarantined", "filtered",
    "complained", "nothing",
]  # fmt: skip
"""What became of the mail of a recipient: ``bounced`` is the final refusal by the recipient's
server, ``complained`` that the recipient wants no more mail, ``nothing`` that nothing is final."""
STATUSES: dict[Meaning, DeliveryStatus] = {
    "delivered": "Delivered",
    "expanded": "Expanded",
    "bounced": "Bounced",
    "failed": "Failed",
    "suppressed": "Suppressed",
    "quarantined": "Quarantined",
    "filtered": "FilteredSpam",
}


@dataclass(frozen=True, slots=True)
class WebhookProof:
    """How a webhook shows that it is the provider's, and that it is new."""

    kind: Proof
    signature_header: str = ""
    """Of ``ecdsa``: the field with the signature."""
    timestamp_header: str = ""
    window: float = 300.0
    """Seconds by which its time may differ from ours; later ones are refused as replayed."""


@dataclass(frozen=True, slots=True)
class CarriedMark:
    """The header field by which a message that goes to the provider over SMTP carries the id of its
    delivery, so that the provider's events have it."""

    header: str
    value: str
    """With ``{delivery}`` in it."""


@dataclass(frozen=True, slots=True)
class EventPaths:
    """Where an event has what. Of several paths, the first with a value counts.

    The segments of a path are names, numbers in lists, ``*`` for the only member of an object, and
    ``@NAME`` for the value of that name in a list of names and values.
    """

    kind: tuple[str, ...]
    delivery: tuple[str, ...]
    """Our id of the delivery."""
    recipients: str
    """One, or a list of them."""
    events: str = ""
    """The list of events in the body; empty: the body is one event, or a list of them."""
    each: str = ""
    """The event in a member of that list; empty: the member itself."""
    address: str = ""
    """The address in one of the recipients; empty: it is the address."""
    reason: tuple[str, ...] = ()
    """The server's reply, in a recipient or the event."""
    server: tuple[str, ...] = ()
    time: tuple[str, ...] = ()
    id: tuple[str, ...] = ()
    """The provider's id of the message, as it said when it took the message."""
    message_id: tuple[str, ...] = ()
    """The message's own Message-ID."""
    usual_kind: str = ""
    """The kind of an event that has none."""


@dataclass(frozen=True, slots=True)
class EventMeaning:
    """What some events mean; the first that matches counts."""

    kinds: tuple[str, ...]
    then: Meaning
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Paths, and the values that each must have one of."""
    recipients: str = ""
    """Instead of the usual path."""
    address: str | None = None


@dataclass(frozen=True, slots=True)
class EventPoll:
    """A list of events at a provider's API, for a relay that cannot be reached from outside."""

    url: str
    """With placeholders."""
    sign_in: ProviderSignIn
    events: str
    """The path of the list in a response; empty: the response is the list."""
    each: str = ""
    query: tuple[tuple[str, str], ...] = ()
    """Of the first page; ``{since}`` and ``{until}`` are times."""
    since: Literal["epoch", "minute", "date"] = "epoch"
    """The form of these: seconds since 1970, ``2026-11-24T12:00``, ``2026-11-24``."""
    next: str = ""
    """The path of the URL of the next page; empty: there is none."""
    offset: str = ""
    """The part of the query that has the number of events on earlier pages; empty: none has."""
    overlap: float = 900.0
    """Seconds by which an event may appear later than its time, so that they are read again."""
    usual_kind: str = ""
    """The kind of events of a list that has one kind only."""
    by_recipient: bool = False
    """Its events know nothing of a message but the recipient."""
    takes_away: bool = False
    """An event that was read once is not there any more."""


@dataclass(frozen=True, slots=True)
class EventProvider:
    """The events of one provider, as its file describes them."""

    name: str
    title: str
    proof: WebhookProof
    paths: EventPaths
    meanings: tuple[EventMeaning, ...]
    mark: CarriedMark | None = None
    """None: messages carry nothing over SMTP."""
    polls: tuple[EventPoll, ...] = ()
    placeholders: Mapping[str, Placeholder] = field(default_factory=lambda: MappingProxyType({}))
    """Of the URLs of ``polls``."""
    polls_deliveries: bool = True
    """Whether ``polls`` have deliveries, too, or failures only."""
