"""What we expect of a provider, and imitate: its EHLO lines, its refusals, its limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from gatepost.model.reply import Reply

MINUTE = 60.0
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that always hold. Octets and seconds."""

    message_size: int = 30 * MIB
    recipients: int = 100
    command_line: int = 512
    """Octets with CRLF (RFC 5321 4.5.3.1.4); the extensions' additions come on top."""
    auth_line: int = 12_288
    """RFC 4954 4."""
    errors: int = 10
    """Refused commands until 421."""
    commands: int = 100_000
    """Commands in a session until 421."""
    idle: float = 5 * MINUTE
    """RFC 5321 4.5.3.2.7."""


@dataclass(frozen=True, slots=True)
class StrictLimits:
    """What only ``--strict`` adds, because a test suite would run into it."""

    effective_size: int | None = None
    connections: int | None = None
    """Authenticated ones per subscription."""
    managed_per_minute: int | None = None
    managed_per_hour: int | None = None
    custom_per_minute: int | None = None
    custom_per_hour: int | None = None
    login_delay: float = 0.0
    propagation_delay: float = 0.0
    """Seconds that a new role assignment or SMTP user name takes to become effective."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A provider as data; ``profiles/NAME.toml`` holds it with source and date of each value.

    Templates may name ``{host}`` (this server) and ``{peer}`` (the client's
    address). ``in_clear`` and ``over_tls`` are the EHLO lines after the first
    one, exactly as sent. ``replies`` overrides the reply table by name.
    """

    name: str
    title: str = ""
    hosts: tuple[str, ...] = ()
    """The provider's real host names."""
    ehlo_pattern: str = ""
    """A regular expression for the first EHLO line, by which the doctor recognises the provider."""
    host: str = "localhost"
    """Our own name; may hold ``{pod}``, replaced once per process."""
    greeting: str = "{host} ESMTP"
    hello: str = "{host}"
    in_clear: tuple[str, ...] = ()
    over_tls: tuple[str, ...] = ()
    unadvertised_mechanisms: tuple[str, ...] = ()
    """Accepted after TLS although EHLO does not list them."""
    requires_tls: bool = True
    """MAIL and AUTH only under TLS."""
    requires_auth: bool = True
    checks_sender: bool = False
    """The sender's domain must be linked and its local part registered, at MAIL and in From."""
    bare_newline: Literal["convert", "refuse"] = "convert"
    """A bare CR or LF in the content becomes CRLF, or the message is refused."""
    replies: Mapping[str, Reply] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    sources: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), compare=False)
    """Where each value comes from, and when it was seen: ``limits.recipients`` or ``limits``."""
    limits: Limits = field(default_factory=Limits)
    strict: StrictLimits = field(default_factory=StrictLimits)
