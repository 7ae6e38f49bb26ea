"""What a listener's connections start with: its certificate, and its settings by network."""

from dataclasses import dataclass, fields

from gatepost.net.tls import Context
from gatepost.policy.networks import NOBODY, Networks, NetworkTable
from gatepost.sasl.channel import ChannelBinding
from gatepost.wire.server.session import SessionSettings


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """A certificate as it is served, and the channel bindings that it gives (RFC 5929 4)."""

    context: Context
    bindings: tuple[ChannelBinding, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """Session settings for the clients of one network."""

    setting: SessionSettings
    refuse: bool = False
    """They get 554 and nothing else (RFC 5321 3.1)."""


@dataclass(slots=True)
class ListenerState:
    """What a connection reads from its listener when it is accepted.

    A reload replaces the fields in place: new connections see the new values, and open sessions
    keep those that they started with.
    """

    terms: NetworkTable[Terms]
    """Session settings by the client's network."""
    certificate: ServerCertificate | None
    """None: the listener has no TLS."""
    implicit: bool = False
    """TLS starts before the greeting (RFC 8314 3)."""
    proxies: Networks = NOBODY
    """Addresses whose connections start with a PROXY header; others have none."""
    handshakes: int | None = None
    """Unfinished TLS handshakes allowed per address in this process; None: no limit."""
    name: str = ""
    """The listener's name, for rules of scripted failures and recorded sessions."""
    lane: str = ""
    """The lane of its sessions, for the same; empty: none."""

    def update_from(self, other: "ListenerState") -> None:
        """Copy every field of ``other``."""
        for each in fields(self):
            setattr(self, each.name, getattr(other, each.name))


def plain_listener_state(
    setting: SessionSettings,
    certificate: ServerCertificate | None,
    *,
    name: str = "",
    implicit: bool = False,
) -> ListenerState:
    """Return a state with the same settings for every network."""
    table = NetworkTable((), Terms(setting))
    return ListenerState(table, certificate, implicit, name=name)
