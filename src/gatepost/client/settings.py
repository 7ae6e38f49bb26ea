"""Settings for users of the client, in groups; all have defaults."""

from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from gatepost.errors import ConfigError, Phase
from gatepost.model.secret import Secret
from gatepost.net.tls import Version

TlsMode = Literal["auto", "starttls", "implicit", "none"]

IMPLICIT_PORTS: Final = frozenset({465, 2465})
"""Ports with implicit TLS: that of RFC 8314 3.3, and another that providers use."""


@dataclass(frozen=True, slots=True)
class Tls:
    """How the connection is protected.

    ``auto`` means implicit TLS on ports 465 and 2465, and otherwise STARTTLS, which is then
    required. No mode falls back to clear text.
    """

    mode: TlsMode = "auto"
    ca_file: str | None = None
    """PEM file of the authorities to trust, instead of the system's."""
    verify: bool = True
    """Verify the server's certificate and its host name."""
    minimum: Version = "TLSv1.2"
    reveal_anyway: bool = False
    """Send a password although the certificate is not verified, or in clear to loopback."""
    certificate: str | None = None
    """PEM file of a client certificate. It is used to sign in (EXTERNAL) if there is no password,
    and either a user name to act as or the mechanism ``EXTERNAL`` is given."""
    key: str | None = None
    """File of the certificate's key, if it is not in the same file."""

    def __post_init__(self) -> None:
        """Raise an error for an unknown mode or version."""
        for key, value, words in (
            ("mode", self.mode, get_args(TlsMode)), ("minimum", self.minimum, get_args(Version)),
        ):  # fmt: skip
            if value not in words:
                raise ConfigError(f"Tls({key}={value!r}): it is one of {', '.join(words)}")

    def is_implicit(self, port: int) -> bool:
        """Tell whether TLS starts before the greeting on ``port``."""
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
    """For sending one window of the content."""
    content: float = 600.0
    """For the reply after the content."""
    quit: float = 5.0

    def of(self, phase: Phase) -> float:
        """Return the time for a reply in ``phase``."""
        return float(getattr(self, phase))


@dataclass(frozen=True, slots=True)
class Options:
    """Settings that are rarely needed."""

    timeouts: Timeouts = field(default_factory=Timeouts)
    local_name: str = ""
    """The name in EHLO; by default this host's full name, or its address."""
    mechanism: str = ""
    """The only SASL mechanism to use, even if the server does not list it."""


class Token:
    """An OAuth access token, to pass instead of a password."""

    __slots__ = ("secret",)

    def __init__(self, text: str) -> None:
        self.secret: Final = Secret(text)

    def __repr__(self) -> str:
        return "Token(***)"
