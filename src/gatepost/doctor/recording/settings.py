"""How a session is carried: who speaks TLS with whom, and what it may take."""

from dataclasses import dataclass, field
from typing import Final, Literal

from gatepost.net.dial import Server
from gatepost.net.tls import Context

Leg = Literal["pass", "starttls", "implicit", "none"]
"""TLS on one side: let through unopened, from STARTTLS on, from the first octet, or none."""
REWRITES: Final = frozenset({("starttls", "implicit"), ("starttls", "none")})
"""The client's and the server's side, where we alone answer the client's STARTTLS."""
OPENS_AHEAD: Final = frozenset({("implicit", "starttls"), ("none", "starttls")})
"""Where we alone say STARTTLS to the server, before the client hears anything."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds, and octets of each direction."""

    idle: float = 300.0
    """RFC 5321 4.5.3.2.7: what a server waits at least."""
    total: float = 900.0
    connect: float = 30.0
    octets: int = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Way:
    """From a client to its server."""

    server: Server
    client_tls: Leg = "pass"
    server_tls: Leg = "pass"
    certificate: Context | None = None
    """What the client is shown where TLS is taken off."""
    verifying: Context | None = None
    """What the server must show then."""
    ca_file: str | None = None
    """Whom the server must be signed by; None: by anybody whom the system trusts."""
    authority: str = ""
    """The file that the client has to trust."""
    bounds: Bounds = field(default_factory=Bounds)

    @property
    def opens(self) -> bool:
        """TLS is taken off on the way."""
        return self.client_tls != "pass"

    @property
    def pair(self) -> tuple[Leg, Leg]:
        """The client's side and the server's."""
        return self.client_tls, self.server_tls
