"""What a user of Azure Communication Services has, as far as it can be read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from gatepost.directory.azure.entries import (
    CommunicationService,
    Domain,
    EmailService,
    Entry,
    SenderUsername,
    SmtpUsername,
    SuppressedAddress,
    SuppressionList,
)
from gatepost.migrate.arm_reader import Gap
from gatepost.model.secret import Secret

E = TypeVar("E", bound=Entry)


@dataclass(frozen=True, slots=True)
class AcsDnsRecord:
    """A record that a domain was verified with."""

    proof: str
    """``Domain``, ``SPF``, ``DKIM``, ``DKIM2`` or ``DMARC``."""
    type: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class EventGridSubscription:
    """Where Event Grid sends the events of a resource."""

    name: str
    resource: str
    """The id of the resource, which is the topic of its events."""
    endpoint_type: str
    """``WebHook``, ``ServiceBusQueue``, ``AzureFunction``, ..."""
    url: Secret
    """Of a webhook, with its query, which may be a secret; empty: it could not be read."""
    event_types: tuple[str, ...] = ()
    subject_begins: str = ""
    subject_ends: str = ""
    has_filters: bool = False
    """Advanced filters, which select by the fields of an event."""
    has_dead_letter: bool = False
    case_sensitive: bool = False
    schema: str = ""
    """``EventGridSchema``, ``CloudEventSchemaV1_0`` or another one."""
    batch: tuple[int, int] = (1, 64)
    """Events of a request, and kilobytes."""
    retry: tuple[int, int] = (30, 1440)
    """Attempts, and minutes."""
    has_headers: bool = False
    """Its requests have header fields of their own."""
    needs_token: bool = False
    """Its endpoint wants a token of Entra."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything that was read. ``entries`` has parents in front of what is below them."""

    entries: tuple[Entry, ...] = ()
    access_keys: Mapping[str, tuple[Secret, Secret]] = field(default_factory=dict)
    """Primary and secondary, by the id of the resource."""
    hosts: Mapping[str, str] = field(default_factory=dict)
    """By the id of the resource."""
    records: Mapping[str, tuple[AcsDnsRecord, ...]] = field(default_factory=dict)
    """By the id of the domain."""
    subscriptions: tuple[EventGridSubscription, ...] = ()
    diagnostics: tuple[str, ...] = ()
    """``RESOURCE: NAME`` of the diagnostic settings."""
    nameless: tuple[str, ...] = ()
    """Principals with a role whose application is not known."""
    gaps: tuple[Gap, ...] = ()

    def all(self, kind: type[E]) -> tuple[E, ...]:
        """Return every entry of a kind."""
        return tuple([each for each in self.entries if isinstance(each, kind)])

    def below(self, kind: type[E], id: str) -> tuple[E, ...]:
        """Return every entry of a kind below the resource with this id."""
        start = f"{id}/".lower()
        return tuple([each for each in self.all(kind) if each.key.startswith(start)])

    def counts(self) -> dict[str, int]:
        """Return how many there are of what people know."""
        kinds: dict[str, type[Entry]] = {
            "resources": CommunicationService, "email_services": EmailService,
            "domains": Domain, "senders": SenderUsername, "smtp_usernames": SmtpUsername,
            "suppression_lists": SuppressionList, "suppressed_addresses": SuppressedAddress,
        }  # fmt: skip
        return {name: len(self.all(kind)) for name, kind in kinds.items()}
