"""What the HTTP APIs of a relay share."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.entries import CommunicationService
from gatepost.directory.azure.tokens import AccessTokens
from gatepost.model.address import Address
from gatepost.model.dns import Resolver
from gatepost.model.profile import Profile
from gatepost.model.secret import Secret
from gatepost.policy.client_counts import LocalClientCounter
from gatepost.policy.quotas import OwnQuotas
from gatepost.queue.operations import SendingStore
from gatepost.relay.context import Report
from gatepost.rest.events.contract import EventSubscriptions
from gatepost.rest.keyed_lock import KeyedLocks
from gatepost.routing.route import Router


class AccessKeys(Protocol):
    """Opens and seals the access keys that Communication Services resources hold."""

    def open(self, sealed: bytes) -> Secret:
        """Return a key in the Base64 that Azure shows. Raises ConfigError for another's seal."""

    def seal(self, key: Secret) -> bytes:
        """Return what may be kept at rest."""


class Suppression(Protocol):
    """Who gets no mail: the managed list, and the customers' own lists."""

    async def catch_up_on(self, recipients: Iterable[Address]) -> None:
        """Return when mail that was accepted before, and may bounce, has listed these recipients.

        It takes no time where nothing can have; else a moment, and a bounded one.
        """

    def suppressed(
        self,
        service: CommunicationService,
        sender: Address,
        recipients: Iterable[Address],
        now: datetime,
    ) -> frozenset[Address]:
        """Return those recipients to whom nothing would be delivered.

        This only asks. Put the message into the store with all its recipients in any case: who
        reads it there reports each of the suppressed ones, and prolongs their leases, once. A
        message whose id is a GUID is reported under that id (so an operation's id is its
        message's id), any other under a GUID that follows from it.
        """


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a relay's own configuration allows, whatever the profile does; None: any number."""

    message_size: int | None = None
    recipients: int | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """One relay, as its APIs see it; they run in the process that owns the store."""

    profile: Profile
    directory: AzureDirectory
    store: SendingStore
    keys: AccessKeys
    report: Report
    now: Callable[[], datetime]
    tokens: AccessTokens
    """Issues what the token endpoint gives, and verifies it for every API."""
    quotas: OwnQuotas | None = None
    """None: nothing is counted."""
    suppression: Suppression | None = None
    """None: no recipient is suppressed."""
    events: EventSubscriptions | None = None
    """None: there is no Event Grid here."""
    resolver: Resolver | None = None
    """Asked for the records that prove a domain; None: there is no DNS."""
    seconds: Callable[[], float] = time.monotonic
    """Counted for rate windows."""
    clients_time: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    """What clients sign their requests at: the machine's, where ``now`` is ahead of it."""
    router: Callable[[], Router] | None = None
    """Returns the routes that mail takes now; None: it is captured, whoever it is for."""
    bounds: Callable[[], Bounds] = Bounds
    """Returns those that hold now."""
    clients: LocalClientCounter | None = None
    """Counts who is refused for its credentials, and waits; None: nobody does."""
    turns: KeyedLocks = field(default_factory=KeyedLocks)
    """Held for a Message-ID from its check to its commit, over all listeners."""
