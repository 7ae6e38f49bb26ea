"""What a provider reports about mail that it took, as data: how to trust it, and what it means."""

from dataclasses import dataclass
from typing import Literal

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
class EventProvider:
    """The events of one provider, as its file describes them."""

    name: str
    title: str
    proof: WebhookProof
    paths: EventPaths
    meanings: tuple[EventMeaning, ...]
    mark: CarriedMark | None = None
    """None: messages carry nothing over SMTP."""
