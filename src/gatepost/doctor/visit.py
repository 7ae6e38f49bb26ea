"""What the doctor is asked, and how long it waits."""

from dataclasses import dataclass, field
from typing import Final

from gatepost.client.settings import Timeouts
from gatepost.doctor.identity_options import IdentityOptions
from gatepost.model.credentials import Credentials
from gatepost.model.evidence import TlsMode
from gatepost.net.dial import Server

PORTS: Final = (587, 465, 2587, 2465, 2525, 25)
"""Where submission is found: RFC 6409, RFC 8314, what providers add, and 25 at last."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. Far less than RFC 5321 4.5.3.2 allows: somebody sits and waits."""

    connect: float = 5.0
    others: float = 1.0
    """For further addresses, once one has taken the connection."""
    greeting: float = 10.0
    silence: float = 2.0
    """Without a greeting where TLS answers: long enough to prove that none comes."""
    reply: float = 10.0
    content: float = 60.0
    pause: float = 2.0
    """Between two sign-ins: servers count them."""

    def timeouts(self) -> Timeouts:
        """Return the same as the driver knows it."""
        reply = self.reply
        return Timeouts(
            connect=self.connect, greeting=self.greeting, ehlo=reply, starttls=reply, tls=reply,
            auth=reply, mail=reply, rcpt=reply, data=reply, content=self.content, quit=1.0,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """How the client in question is set up. ``library`` is one of ours, or empty."""

    library: str = ""
    tls: TlsMode = "auto"
    ca_file: str | None = None
    local_name: str = ""
    """What it says in EHLO; by default what the library says, or what we would."""
    identity: IdentityOptions = field(default_factory=IdentityOptions)
    """Where to look behind a refused login, and how far."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What to try beyond signing in. The message is sent only with ``send``."""

    mail_from: str = ""
    rcpt_to: tuple[str, ...] = ()
    try_all: bool = False
    """Let the secret out once for every mechanism, not once only."""
    send: bool = False
    audit: bool = False
    """Look for holes in the server itself."""
    ports: tuple[int, ...] = PORTS
    """Other doors to look for where this one is closed."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit to the doctor."""

    server: Server
    settings: Settings = field(default_factory=Settings)
    credentials: Credentials | None = None
    errand: Errand = field(default_factory=Errand)
    patience: Patience = field(default_factory=Patience)
    any_port: bool = False
    """No port was given: the first of the errand's ``ports`` that takes the connection will do."""

    @property
    def signs_in(self) -> bool:
        """The client in question wants to authenticate."""
        return self.credentials is not None or bool(self.settings.library)
