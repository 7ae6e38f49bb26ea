"""The input of a diagnosis: server, client settings, checks to make, timeouts."""

from dataclasses import dataclass, field
from typing import Final

from gatepost.client.settings import Timeouts
from gatepost.model.credentials import Credentials
from gatepost.model.evidence import TlsMode
from gatepost.model.secret import Secret
from gatepost.net.dial import Server

PORTS: Final = (587, 465, 2587, 2465, 2525, 25)
"""Ports for submission: RFC 6409, RFC 8314, those that providers add, and 25 last."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Timeouts in seconds, much shorter than in RFC 5321 4.5.3.2, because a person waits."""

    connect: float = 5.0
    others: float = 1.0
    """For connecting to further addresses, once one has accepted."""
    greeting: float = 10.0
    silence: float = 2.0
    """Time without a greeting, on a port that answers TLS, that proves that none will come."""
    reply: float = 10.0
    content: float = 60.0
    pause: float = 2.0
    """Between two logins, because servers limit their rate."""

    def timeouts(self) -> Timeouts:
        """Return the timeouts for the client's driver."""
        reply = self.reply
        return Timeouts(
            connect=self.connect, greeting=self.greeting, ehlo=reply, starttls=reply, tls=reply,
            auth=reply, mail=reply, rcpt=reply, data=reply, content=self.content, quit=1.0,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class IdentityUrls:
    """URLs given by the user; an empty one is taken from the environment, else the public one."""

    authority: str = ""
    arm: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class IdentityOptions:
    """Where the provider is, and what the doctor may do there."""

    urls: IdentityUrls = IdentityUrls()
    stands_for: str = ""
    """RESOURCE.APPLICATION.TENANT that an SMTP user name represents."""
    arm_token: Secret | None = None
    """An access token for Azure Resource Manager."""
    closed: bool = False
    """Ask only the mail server."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of the client in question; ``library`` is a known library's name, or empty."""

    library: str = ""
    tls: TlsMode = "auto"
    ca_file: str | None = None
    local_name: str = ""
    """Its name in EHLO; by default the library's, or our own."""
    identity: IdentityOptions = field(default_factory=IdentityOptions)
    """The identity provider to ask after a refused login."""
    local_authority: str | None = None
    """A CA file to trust besides the system's, because the server is on this machine."""


@dataclass(frozen=True, slots=True)
class Checks:
    """Checks beyond the login. A message is sent only with ``send``."""

    mail_from: str = ""
    rcpt_to: tuple[str, ...] = ()
    try_all: bool = False
    """Send the secret once for each mechanism, not only once."""
    send: bool = False
    audit: bool = False
    """Look for security holes in the server."""
    ports: tuple[int, ...] = PORTS
    """Ports to try if the given one is closed."""
    is_confined: bool = False
    """Connect to no other host, not even of the same provider."""
    ends_with_tls: bool = False
    """The server speaks something else than SMTP: look at nothing behind the handshake."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request for a diagnosis."""

    server: Server
    settings: Settings = field(default_factory=Settings)
    credentials: Credentials | None = None
    checks: Checks = field(default_factory=Checks)
    patience: Patience = field(default_factory=Patience)
    any_port: bool = False
    """No port was given: use the first of the checks' ``ports`` that accepts a connection."""

    @property
    def needs_login(self) -> bool:
        """Whether the client in question signs in."""
        return self.credentials is not None or bool(self.settings.library)
