"""What the HTTP APIs of a relay share."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Protocol

from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.entries import CommunicationService
from gatepost.directory.azure.tokens import AccessTokens, resource_name
from gatepost.directory.entra_tokens import EntraTokens
from gatepost.directory.exchange.directory import ExchangeDirectory
from gatepost.model.address import Address
from gatepost.model.delivery import Delivery
from gatepost.model.dns import Resolver
from gatepost.model.operator_event import ReportEvent
from gatepost.model.profile import Profile
from gatepost.model.secret import Secret
from gatepost.policy.client_limits import LocalClientCounter
from gatepost.policy.quotas import LocalQuotas
from gatepost.queue.send_operations_contract import SendingStore
from gatepost.rest.events.subscription import EventSubscriptions
from gatepost.routing.route import Router

if TYPE_CHECKING:  # without HTTP, its libraries are not needed
    from gatepost.rest.request_bodies import Intake


def _none() -> Collection[str]:
    return ()


def _no_tenants() -> None:
    """There are no real tenants."""


@dataclass(frozen=True, slots=True)
class OwnNames:
    """The names of loopback, and those that are configured; never that of an Azure resource."""

    configured: Callable[[], Collection[str]] = _none
    """Returns host names in lower case and addresses; the first label of a name may be ``*``."""

    def has_name(self, host: str) -> bool:
        """Tell whether a host name or address is one of this server's."""
        if resource_name(f"https://{host}"):
            return False
        try:
            address = ip_address(host)
        except ValueError:
            below = host.partition(".")[2]
            names = self.configured()
            return _is_loopback(host) or host in names or f"*.{below}" in names
        return address.is_loopback or str(address) in self.configured()


def _is_loopback(name: str) -> bool:
    """RFC 6761 6.3."""
    return name == "localhost" or name.endswith(".localhost")


class KeyedLocks:
    """Locks by name, so that what was checked before an await still holds after it.

    Each exists only while it is held or waited for.
    """

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def of(self, name: str) -> AsyncIterator[None]:
        """Hold the lock of ``name``."""
        lock, users = self._locks.get(name) or (asyncio.Lock(), 0)
        self._locks[name] = lock, users + 1
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks[name]
            if users > 1:
                self._locks[name] = lock, users - 1
            else:
                del self._locks[name]


class AccessKeys(Protocol):
    """Opens and seals the access keys of Communication Services resources."""

    def open(self, sealed: bytes) -> Secret:
        """Return a key in the Base64 that Azure shows. Raises ConfigError if it is damaged, or was
        sealed with another key."""

    def seal(self, key: Secret) -> bytes:
        """Return the form that may be stored."""


class Suppression(Protocol):
    """Recipients that get no mail: those on the managed list, and on the customers' own lists."""

    async def catch_up_on(self, recipients: Iterable[Address]) -> None:
        """Wait until bounces of earlier mail to these recipients are on the list.

        Returns immediately if none can be pending; otherwise it waits a short, limited time.
        """

    def suppressed(
        self,
        service: CommunicationService,
        sender: Address,
        recipients: Iterable[Address],
        now: datetime,
    ) -> frozenset[Address]:
        """Return those recipients to whom nothing would be delivered.

        This is only a query. Put the message into the store with all its recipients in any case:
        the reader of the store reports each suppressed one, and prolongs its entry, once. A message
        whose id is a GUID is reported under that id (so an operation's id is its message's id), any
        other under a GUID derived from its id.
        """


class DeliveryLookup(Protocol):
    """Tells what becomes of queued mail (``queue.deliveries_contract.Deliveries``)."""

    async def find(self, id: str) -> Sequence[Delivery]:
        """Return the deliveries of a message; empty if it is unknown."""


@dataclass(frozen=True, slots=True)
class MessageLimits:
    """Limits of a relay's own configuration, besides those of the profile; None: no limit."""

    message_size: int | None = None
    recipients: int | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """What the APIs need of their relay; they run in the process that owns the store."""

    profile: Profile
    directory: AzureDirectory
    store: SendingStore
    keys: AccessKeys
    report: ReportEvent
    now: Callable[[], datetime]
    tokens: AccessTokens
    """Issues tokens at the token endpoint, and verifies them for every API."""
    intake: "Intake"
    """Receives the bodies of requests."""
    quotas: LocalQuotas | None = None
    """None: nothing is counted."""
    suppression: Suppression | None = None
    """None: no recipient is suppressed."""
    events: EventSubscriptions | None = None
    """None: there is no Event Grid."""
    resolver: Resolver | None = None
    """Looks up the records that verify a domain; None: there is no DNS."""
    seconds: Callable[[], float] = time.monotonic
    """For rate windows."""
    clients_time: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    """The clock for signatures of clients: the machine's, even if ``now`` is ahead of it."""
    names: OwnNames = field(default_factory=OwnNames)
    """The names of this server, for which tokens are issued besides those of Azure."""
    deliveries: DeliveryLookup | None = None
    """The queue of mail that is relayed; None: mail is captured."""
    router: Callable[[], Router] | None = None
    """Returns the current routes of mail; None: mail is captured, whatever its recipient."""
    bounds: Callable[[], MessageLimits] = MessageLimits
    """Returns the current limits."""
    entra_tokens: Callable[[], EntraTokens | None] = _no_tenants
    """Returns what verifies tokens of real tenants; None: the configuration names none."""
    clients: LocalClientCounter | None = None
    """Counts refused credentials by address, and delays the answers; None: not counted."""
    exchange: ExchangeDirectory | None = None
    """The organisation whose mailboxes tokens are for; None: there is none."""
    turns: KeyedLocks = field(default_factory=KeyedLocks)
    """Held for a Message-ID from its check to its commit, over all listeners."""
