"""One listener as its connections see it: its certificate, and what it offers to whom."""

from dataclasses import dataclass, fields

from gatepost.net.tls import Context
from gatepost.policy.networks import NOBODY, Networks, NetworkTable
from gatepost.sasl.channel import ChannelBinding
from gatepost.wire.server.session import Setting


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """A certificate as it is served, and the channel bindings that it gives (RFC 5929 4)."""

    context: Context
    bindings: tuple[ChannelBinding, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for the clients of a network."""

    setting: Setting
    refuse: bool = False
    """They get 554 and nothing else (RFC 5321 3.1)."""


@dataclass(slots=True)
class ListenerState:
    """What a connection takes from its listener when it comes.

    A reload replaces the parts in place: who comes later gets the new ones, who is here keeps
    what the session began with.
    """

    terms: NetworkTable[Terms]
    """By the client's network."""
    certificate: ServerCertificate | None
    """None: no TLS here."""
    implicit: bool = False
    """TLS comes before the greeting (RFC 8314 3)."""
    proxies: Networks = NOBODY
    """Who must say in a PROXY header for whom it speaks; anybody else speaks for itself."""
    handshakes: int | None = None
    """Of one address, those before the greeting that may be open in this process; None: any."""

    def turn_to(self, other: "ListenerState") -> None:
        """Take every part of another one."""
        for each in fields(self):
            setattr(self, each.name, getattr(other, each.name))


def plain_listener_state(
    setting: Setting, certificate: ServerCertificate | None, *, implicit: bool = False
) -> ListenerState:
    """Return an entrance that is the same for everybody."""
    return ListenerState(NetworkTable((), Terms(setting)), certificate, implicit)
