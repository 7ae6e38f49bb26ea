"""Where mail may go: routes, their targets, and the next hop of a delivery."""

from dataclasses import dataclass, field
from typing import Literal

from gatepost.model.retry import Retry

HopTls = Literal["required", "opportunistic", "implicit", "none"]
"""STARTTLS or nothing is sent; STARTTLS where offered (RFC 7435), its certificate unverified;
TLS before the greeting (RFC 8314 3); clear text."""
EightBit = Literal["encode", "send", "bounce"]
"""What becomes of 8-bit content for a hop without 8BITMIME (RFC 6152 3)."""


@dataclass(frozen=True, slots=True)
class HopLimits:
    """How much one next hop gets at once."""

    connections: int = 10
    rate: float | None = None
    """Messages a minute; None: as many as it takes."""
    messages_per_connection: int = 100
    recipients: int = 100
    """Of one transaction (RFC 5321 4.5.3.1.8)."""


@dataclass(frozen=True, slots=True)
class Capture:
    """Keep it here, for ``gatepost messages``."""

    name: str


@dataclass(frozen=True, slots=True)
class Smarthost:
    """One server that takes mail for anybody; lower ``priority`` first, equal ones by chance."""

    host: str
    port: int = 587
    priority: int = 0


@dataclass(frozen=True, slots=True)
class SmarthostTarget:
    """Hand it to a server of the operator's or of a provider's, signed in or not."""

    name: str
    servers: tuple[Smarthost, ...]
    tls: HopTls = "required"
    verify: bool = True
    ca_file: str | None = None
    credential: str = ""
    """The name of what signs in; empty: nothing does. With one, nothing is sent without it."""
    mechanisms: tuple[str, ...] = ()
    """Those that may be used, upper case; empty: what the planner finds best."""
    eight_bit: EightBit = "encode"
    limits: HopLimits = HopLimits()


@dataclass(frozen=True, slots=True)
class MxTarget:
    """Deliver to the recipient's own domain (RFC 5321 5.1)."""

    name: str
    tls: Literal["required", "opportunistic", "none"] = "opportunistic"
    port: int = 25
    eight_bit: EightBit = "encode"
    limits: HopLimits = HopLimits()


@dataclass(frozen=True, slots=True)
class AcsRestTarget:
    """Azure Communication Services' Email REST API."""

    name: str
    endpoint: str
    credential: str
    limits: HopLimits = HopLimits()


@dataclass(frozen=True, slots=True)
class GraphTarget:
    """Microsoft Graph's sendMail; ``mailbox`` empty sends as the message's sender."""

    name: str
    credential: str
    mailbox: str = ""
    endpoint: str = "https://graph.microsoft.com"
    limits: HopLimits = HopLimits()


Target = Capture | SmarthostTarget | MxTarget | AcsRestTarget | GraphTarget


@dataclass(frozen=True, slots=True)
class Match:
    """Which mail a route is for; an empty part matches everything, and all parts must match."""

    recipients: tuple[str, ...] = ()
    """``example.net``, ``*.example.net`` (what is below it), ``bob@example.net``."""
    senders: tuple[str, ...] = ()
    """The same, and ``<>`` for the null sender."""
    applications: tuple[str, ...] = ()
    """Who signed in, by name or id; ``*`` stands for any characters."""


@dataclass(frozen=True, slots=True)
class Route:
    """One rule: what it is for, where it goes, and where it goes when it cannot go there."""

    name: str
    chain: tuple[Target, ...]
    match: Match = Match()
    retry: Retry = field(default_factory=Retry)

    @property
    def is_by_domain(self) -> bool:
        """True when deliveries to two domains cannot share a transaction."""
        return any(isinstance(each, MxTarget) for each in self.chain)


def credential_of(target: Target) -> str:
    """Return the name of what signs in at a target; empty: nothing does."""
    return "" if isinstance(target, Capture | MxTarget) else target.credential


@dataclass(frozen=True, slots=True)
class NextHop:
    """What deliveries that may share a transaction have in common."""

    route: str
    destination: str = ""
    """The recipients' domain, folded, where the route goes by it."""

    @property
    def key(self) -> str:
        """One text for both, as the store and the operator see it."""
        return f"{self.route}/{self.destination}" if self.destination else self.route


def parse_next_hop(key: str) -> NextHop:
    """Return the next hop whose key this is; a route's name has no slash."""
    route, _, destination = key.partition("/")
    return NextHop(route, destination)
