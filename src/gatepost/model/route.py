"""Where mail may go: routes, their targets, and the next hops of deliveries."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal, NamedTuple

from gatepost.model.host_port import bracketed, join_host_port
from gatepost.model.http_provider import HttpProvider


@dataclass(frozen=True, slots=True)
class Retry:
    """The times of the attempts at a delivery, for ``queue.retry_schedule``.

    RFC 5321 4.5.4.1 recommends 30 minutes between attempts and 4 to 5 days in total, and permits
    the first attempts to be closer together.
    """

    first: timedelta = timedelta(minutes=1)
    """The wait before the second attempt."""
    factor: float = 2.0
    """The factor by which each wait is longer than the previous one."""
    longest: timedelta = timedelta(hours=1)
    jitter: float = 0.2
    """The fraction by which each wait varies at random, up or down."""
    table: tuple[timedelta, ...] = ()
    """The waits one by one instead of ``first`` and ``factor``; the last one is repeated."""
    expire: timedelta = timedelta(days=5)
    """The time after acceptance at which the delivery fails, and the sender is notified."""
    warn: timedelta | None = timedelta(hours=4)
    """The time after acceptance at which the sender is notified of the delay, once; None: never."""


HopTls = Literal["required", "opportunistic", "implicit", "none"]
"""STARTTLS is required; STARTTLS if it is offered (RFC 7435), without verification; TLS before
the greeting (RFC 8314 3); no TLS."""
EightBit = Literal["encode", "send", "bounce"]
"""What is done with 8-bit content for a server without 8BITMIME (RFC 6152 3)."""


@dataclass(frozen=True, slots=True)
class HopLimits:
    """The limits of one next hop."""

    connections: int = 10
    rate: float | None = None
    """Messages a minute; None: no limit."""
    messages_per_connection: int = 100
    recipients: int = 100
    """Per transaction (RFC 5321 4.5.3.1.8)."""


@dataclass(frozen=True, slots=True)
class SendAs:
    """The one address that a target gets mail of, in MAIL FROM and From."""

    address: str
    instead_of: tuple[str, ...] = ()
    """Patterns of the senders and authors that it replaces; empty: all."""


@dataclass(frozen=True, slots=True)
class Capture:
    """The message is kept here, for ``gatepost messages``."""

    name: str


@dataclass(frozen=True, slots=True)
class Smarthost:
    """A server that accepts mail for all domains; lower ``priority`` first, equal ones at
    random."""

    host: str
    port: int = 587
    priority: int = 0


class ServerAddress(NamedTuple):
    """One server of a target. Fields that do not apply to it, such as an API, are empty."""

    host: str = ""
    """Its name, for which its certificate must be valid."""
    port: int = 0
    address: str = ""
    """The IP address to connect to; empty: the addresses of ``host`` in turn."""

    def __str__(self) -> str:
        return join_host_port(self.host, self.port) if self.port else bracketed(self.host)


@dataclass(frozen=True, slots=True)
class SmarthostTarget:
    """A server of the operator or of a provider, with or without a login."""

    name: str
    servers: tuple[Smarthost, ...]
    tls: HopTls = "required"
    verify: bool = True
    ca_file: str | None = None
    credential: str = ""
    """The name of the credential for the login, which is then required; empty: there is no
    login."""
    mechanisms: tuple[str, ...] = ()
    """The mechanisms that may be used, in upper case; empty: the planner chooses."""
    eight_bit: EightBit = "encode"
    limits: HopLimits = HopLimits()
    send_as: SendAs | None = None
    dkim: tuple[str, ...] = ()
    """The domains that sign its mail; ``*``: all that have a key; empty: none."""


@dataclass(frozen=True, slots=True)
class MxTarget:
    """The mail exchangers of the recipient's domain (RFC 5321 5.1)."""

    name: str
    tls: Literal["required", "opportunistic", "none"] = "opportunistic"
    port: int = 25
    eight_bit: EightBit = "encode"
    limits: HopLimits = HopLimits()
    send_as: SendAs | None = None
    dkim: tuple[str, ...] = ()
    """As in SmarthostTarget."""


@dataclass(frozen=True, slots=True)
class AcsRestTarget:
    """The Email REST API of Azure Communication Services."""

    name: str
    endpoint: str
    credential: str
    limits: HopLimits = HopLimits()
    send_as: SendAs | None = None


@dataclass(frozen=True, slots=True)
class GraphTarget:
    """sendMail of Microsoft Graph; ``mailbox`` empty: the mailbox of the message's sender."""

    name: str
    credential: str
    mailbox: str = ""
    endpoint: str = "https://graph.microsoft.com"
    limits: HopLimits = HopLimits()
    send_as: SendAs | None = None


@dataclass(frozen=True, slots=True)
class HttpApiTarget:
    """The HTTP API of a provider that a file describes."""

    name: str
    provider: HttpProvider = field(hash=False)
    endpoint: str
    """The whole URL to which messages are posted."""
    credential: str
    settings: tuple[tuple[str, str], ...] = ()
    """The provider's placeholders and what they stand for here."""
    message_size: int | None = None
    """Octets of a message, trace fields not included; None: not known."""
    limits: HopLimits = HopLimits()
    send_as: SendAs | None = None
    dkim: tuple[str, ...] = ()
    """As in SmarthostTarget."""


ApiTarget = AcsRestTarget | GraphTarget | HttpApiTarget
Target = Capture | SmarthostTarget | MxTarget | ApiTarget


@dataclass(frozen=True, slots=True)
class Match:
    """The mail that a route is for. All parts must match; an empty one matches everything."""

    recipients: tuple[str, ...] = ()
    """``example.net``, ``*.example.net`` (its subdomains), ``bob@example.net``."""
    senders: tuple[str, ...] = ()
    """The same, and ``<>`` for the null sender."""
    applications: tuple[str, ...] = ()
    """Names or ids of those who signed in; ``*`` matches any characters."""
    size: int | None = None
    """The maximum octets of a content, as the client sent it, that another route that matches
    would get; None: no limit."""

    def may_have(self, size: int) -> bool:
        """Tell whether a content of this size is not too large."""
        return self.size is None or size <= self.size


@dataclass(frozen=True, slots=True)
class Route:
    """One route: the mail that it is for, its target, and further targets for fail-over."""

    name: str
    chain: tuple[Target, ...]
    match: Match = Match()
    retry: Retry = field(default_factory=Retry)

    @property
    def is_by_domain(self) -> bool:
        """Whether deliveries to two domains must have separate transactions."""
        return any(isinstance(each, MxTarget) for each in self.chain)


def send_as_of(target: Target) -> SendAs | None:
    """Return the one address that a target gets mail of; None: mail keeps its senders."""
    return None if isinstance(target, Capture) else target.send_as


def dkim_domains_of(target: Target) -> tuple[str, ...]:
    """Return the domains that sign the mail of a target, as it names them."""
    return target.dkim if isinstance(target, SmarthostTarget | MxTarget | HttpApiTarget) else ()


def credential_of(target: Target) -> str:
    """Return the name of the credential for a target; empty if there is none."""
    return "" if isinstance(target, Capture | MxTarget) else target.credential


_TO_TARGET: Final = "target:"
"""What the route of a delivery begins with that an operator has sent to a target; the name of a
configured route has no colon."""


@dataclass(frozen=True, slots=True)
class NextHop:
    """The common part of deliveries that may share a transaction."""

    route: str
    destination: str = ""
    """The recipients' domain, folded, if the route uses it."""
    key: str = field(init=False, repr=False, compare=False)
    """One text for both, as the store and the operator use it."""

    def __post_init__(self) -> None:
        """Join both, once for all who ask."""
        key = f"{self.route}/{self.destination}" if self.destination else self.route
        object.__setattr__(self, "key", key)

    @property
    def target(self) -> str:
        """The target that an operator has chosen; empty: the route's are used."""
        chosen = self.route.startswith(_TO_TARGET)
        return self.route.removeprefix(_TO_TARGET) if chosen else ""


def next_hop_by(target: str) -> NextHop:
    """Return the next hop of what an operator sends to a target, whatever its route."""
    return NextHop(f"{_TO_TARGET}{target}")


def parse_next_hop(key: str) -> NextHop:
    """Return the next hop with this key; the name of a route has no slash."""
    route, _, destination = key.partition("/")
    return NextHop(route, destination)
