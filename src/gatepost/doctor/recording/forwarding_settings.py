"""How a session is forwarded: where TLS is used, and its limits."""

from dataclasses import dataclass, field
from typing import Final, Literal

from gatepost.net.dial import Server
from gatepost.net.tls import Context

Leg = Literal["pass", "starttls", "implicit", "none"]
"""TLS on one side: passed through, from STARTTLS on, implicit, or none."""
REWRITES: Final = frozenset({("starttls", "implicit"), ("starttls", "none")})
"""The client's and the server's modes with which we add STARTTLS for the client."""
OPENS_AHEAD: Final = frozenset({("implicit", "starttls"), ("none", "starttls")})
"""The modes with which we send STARTTLS to the server before the client's greeting."""


@dataclass(frozen=True, slots=True)
class RecordingLimits:
    """Limits: seconds, and octets of each direction."""

    idle: float = 300.0
    """RFC 5321 4.5.3.2.7: the minimum timeout of servers."""
    total: float = 900.0
    connect: float = 30.0
    octets: int = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Forwarding:
    """How to forward from a client to its server."""

    server: Server
    client_tls: Leg = "pass"
    server_tls: Leg = "pass"
    certificate: Context | None = None
    """Our certificate for the client, if we terminate TLS."""
    verifying: Context | None = None
    """How the server's certificate is verified then."""
    ca_file: str | None = None
    """The authorities that the server's certificate must come from; None: the system's."""
    local_authority: str | None = None
    """A CA file to trust besides, because the server is on this machine."""
    authority: str = ""
    """The file with the authority that the client must trust."""
    limits: RecordingLimits = field(default_factory=RecordingLimits)

    @property
    def is_decrypted(self) -> bool:
        """Whether TLS is terminated here, so that the session can be read."""
        return self.client_tls != "pass"

    @property
    def is_starttls_decrypted(self) -> bool:
        """Whether TLS that begins with the client's STARTTLS is terminated here. Otherwise it
        passes unread, also if the client should not have sent STARTTLS."""
        return self.client_tls == "starttls"

    @property
    def pair(self) -> tuple[Leg, Leg]:
        """The client's mode and the server's."""
        return self.client_tls, self.server_tls
