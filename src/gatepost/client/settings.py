"""What a user of the client may choose, grouped; all have good defaults."""

from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from gatepost.errors import ConfigError, Phase
from gatepost.model.secret import Secret
from gatepost.net.tls import Version

TlsMode = Literal["auto", "starttls", "implicit", "none"]

IMPLICIT_PORTS: Final = frozenset({465, 2465})
"""RFC 8314 3.3, and the other port on which providers do the same."""


@dataclass(frozen=True, slots=True)
class Tls:
    """How the connection is protected.

    ``auto`` is implicit TLS on ports 465 and 2465, else STARTTLS, which is then
    required: there is no mode that falls back to clear text by itself.
    """

    mode: TlsMode = "auto"
    ca_file: str | None = None
    """PEM file of the authorities to trust, instead of the system's."""
    verify: bool = True
    """Check the certificate and its name."""
    minimum: Version = "TLSv1.2"
    reveal_anyway: bool = False
    """Let a password out although the certificate is not verified, or in clear to this machine."""
    certificate: str | None = None
    """PEM file of a client certificate to show. It signs in (EXTERNAL) where no password is given,
    and a user name to act as, or the mechanism ``EXTERNAL``, is."""
    key: str | None = None
    """The file of its key, where that is another."""

    def __post_init__(self) -> None:
        """Refuse words that mean nothing here; taken for another, they would be a surprise."""
        for key, value, words in (
            ("mode", self.mode, get_args(TlsMode)), ("minimum", self.minimum, get_args(Version)),
        ):  # fmt: skip
            if value not in words:
                raise ConfigError(f"Tls({key}={value!r}): it is one of {', '.join(words)}")

    def is_implicit(self, port: int) -> bool:
        """True when TLS comes before the greeting."""
        return self.mode == "implicit" or (self.mode == "auto" and port in IMPLICIT_PORTS)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for the server in each phase (RFC 5321 4.5.3.2)."""

    connect: float = 30.0
    greeting: float = 300.0
    ehlo: float = 300.0
    starttls: float = 120.0
    tls: float = 60.0
    auth: float = 120.0
    mail: float = 300.0
    rcpt: float = 300.0
    data: float = 120.0
    block: float = 180.0
    """For one window of the content to be taken."""
    content: float = 600.0
    """For the reply after the content."""
    quit: float = 5.0

    def of(self, phase: Phase) -> float:
        """Return the time for a reply in ``phase``."""
        return float(getattr(self, phase))


@dataclass(frozen=True, slots=True)
class Options:
    """What hardly anybody needs to choose."""

    timeouts: Timeouts = field(default_factory=Timeouts)
    local_name: str = ""
    """What EHLO says; by default this host's full name, or its address."""
    mechanism: str = ""
    """The one SASL mechanism to use, whatever the server lists."""


class Token:
    """An OAuth access token, given where a password would stand."""

    __slots__ = ("secret",)

    def __init__(self, text: str) -> None:
        self.secret: Final = Secret(text)

    def __repr__(self) -> str:
        return "Token(***)"
