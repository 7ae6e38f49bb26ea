"""What we expect of a provider, and imitate: its EHLO lines, its refusals, its limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from gatepost.model.behaviour import AuthRules, ContentRules, FirstAccount, Quirk, ServerRules
from gatepost.model.doctor_facts import DoctorFacts
from gatepost.model.reply import Reply

__all__ = [
    "GROUPS", "MIB", "MINUTE", "ApiRules", "DirectoryRules", "DoctorFacts", "EventRules", "Limits",
    "Profile", "StrictLimits",
]  # fmt: skip

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
    managed_per_day: int | None = None
    custom_per_minute: int | None = None
    custom_per_hour: int | None = None
    custom_per_day: int | None = None
    managed_status_per_minute: int | None = None
    """Questions over REST what became of a message."""
    managed_status_per_hour: int | None = None
    custom_status_per_minute: int | None = None
    custom_status_per_hour: int | None = None
    count_refused: bool = True
    """A message that the rate refused counts like one that was taken."""
    shared_rate: bool = True
    """SMTP and REST draw on one count."""
    login_delay: float = 0.0
    propagation_delay: float = 0.0
    """Seconds that a new role assignment or SMTP user name takes to become effective."""

    @property
    def counts(self) -> bool:
        """True when there is anything to count: connections or messages."""
        counted = (
            self.connections,
            self.managed_per_minute, self.managed_per_hour, self.managed_per_day,
            self.custom_per_minute, self.custom_per_hour, self.custom_per_day,
        )  # fmt: skip
        return any(limit is not None for limit in counted)


@dataclass(frozen=True, slots=True)
class DirectoryRules:
    """What the provider asks of who signs in, and of a domain before it may be used."""

    kind: Literal["azure", "accounts"] = "azure"
    """Who may sign in to `gatepost up`: applications of Entra with a role, or plain accounts, the
    first of which `[account]` describes."""
    required_actions: Literal["current", "legacy-2023"] | tuple[str, ...] = "current"
    """What a role must grant for sending: the actions themselves, or a named list of them;
    ``legacy-2023`` is the one that was documented until September 2024."""
    require_smtp_username_resource: bool = False
    """RESOURCE.APPLICATION.TENANT alone signs nobody in; there must be an SMTP user name."""
    token_cache: float = 0.0
    """Seconds for which a secret that signed in goes on to, though it was deleted or expired since:
    a provider may keep the token that it got for it."""
    reveal_reason: bool = False
    """The refusal of a login ends in `` (gatepost: SLUG)``: for debugging, nothing a provider does.
    """
    domain_verification: Literal["instant", "dns", "manual"] = "instant"
    """What `initiateVerification` does for a custom domain: it is proven at once, or once its
    record is found, or waits for `gatepost domain verify --by-hand`."""
    nameservers: tuple[str, ...] = ()
    """Addresses, with a port or without, of those that are asked for such records; none: the
    system's."""


@dataclass(frozen=True, slots=True)
class ApiRules:
    """What the HTTP APIs do."""

    request_size: int = 10 * MIB
    """Octets of a request to send, attachments in Base64 included."""
    recipients: int = 50
    """Of a message: To, Cc and Bcc together."""
    clock_skew: float = 5 * MINUTE
    """Seconds by which the date of a signed request may be wrong."""
    running: float = 0.5
    """Seconds for which an operation is ``Running`` before it succeeds or fails."""
    repeatable: float = 5 * MINUTE
    """Seconds since `Repeatability-First-Sent` for which a request of 2021-10-01-preview is taken.
    """
    attachment_types: Literal["listed", "any"] = "listed"
    """An attachment's `contentType` must be on the provider's list, or may be any."""
    reserved_headers: Literal["refuse", "ignore"] = "refuse"
    """What custom headers come to that the document's other properties make, such as `From`: a 400,
    or nothing."""
    operation_id_reused: Literal["conflict", "stored"] = "conflict"
    """A request whose `Operation-Id` was another's gets a 409, or that one's operation."""


@dataclass(frozen=True, slots=True)
class EventRules:
    """What is told of a message after it was accepted."""

    retry: tuple[float, ...] = (10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0)
    """Seconds until an event is sent to a webhook again, after the first attempt, the second and so
    on; the last repeats."""
    retry_jitter: float = 0.1
    """The part of such a time by which it may be longer."""
    attempts: int = 30
    """Attempts after which an event is a dead letter."""
    time_to_live: float = 86_400.0
    """Seconds after which it is one."""
    timeout: float = 30.0
    """Seconds for a webhook to answer."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A provider as data; ``profiles/NAME.toml`` holds it with source and date of each value.

    Templates may name ``{host}`` (this server) and ``{peer}`` (the client's
    address). ``in_clear`` and ``over_tls`` are the EHLO lines after the first
    one, exactly as sent. ``replies`` overrides the reply table by name.
    """

    name: str
    title: str = ""
    """What it imitates, in a few words."""
    kind: Literal["provider", "server", "quirk"] = "provider"
    """A provider of mail, software that people run, or a server with something the matter with it.
    """
    as_of: str = ""
    """The date of what it imitates: YYYY, YYYY-MM or YYYY-MM-DD."""
    hosts: tuple[str, ...] = ()
    """The provider's real host names."""
    ehlo_pattern: str = ""
    """A regular expression for the first EHLO line, by which the doctor recognises the provider."""
    host: str = "localhost"
    """Our own name; may hold ``{pod}``, replaced once per process."""
    greeting: str = "{host} ESMTP"
    """What follows 220; may name `{host}`, `{peer}` (the client's address) and `{pod}`."""
    hello: str = "{host}"
    """The first line of the answer to EHLO."""
    in_clear: tuple[str, ...] = ()
    """The other lines before STARTTLS, exactly as sent; `{size}` and `{recipients}` stand for the
    limits. Mechanisms that nobody here can verify are left out."""
    over_tls: tuple[str, ...] = ()
    """The same under TLS."""
    unadvertised_mechanisms: tuple[str, ...] = ()
    """Accepted after TLS although EHLO does not list them."""
    requires_tls: bool = True
    """MAIL and AUTH only under TLS."""
    requires_auth: bool = True
    """MAIL only after a login."""
    checks_sender: bool = False
    """The sender's domain must be linked and its local part registered, at MAIL and in From."""
    sender_phase: Literal["mail", "rcpt", "data"] = "mail"
    """Which command a wrong MAIL FROM is refused at; header From is at the end of the content."""
    rate_phase: Literal["mail", "data"] = "data"
    """Which command the rate is counted and refused at."""
    login_initial_response: bool = True
    """AUTH LOGIN may be followed by the user name on the same line; else that is a 501."""
    bare_newline: Literal["convert", "refuse"] = "convert"
    """A bare CR or LF in the content becomes CRLF, or the message is refused."""
    replies: Mapping[str, Reply] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    """Texts by the name of their condition: the table at the end of the list of profiles."""
    answers: Mapping[str, Reply] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    """From a command to the one reply that it gets, once its conditions hold (TLS, a login);
    `CONTENT` is the end of a message."""
    sources: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), compare=False)
    """Where each value comes from, and when it was seen: ``limits.recipients`` or ``limits``."""
    limits: Limits = field(default_factory=Limits)
    auth: AuthRules = field(default_factory=AuthRules)
    server: ServerRules = field(default_factory=ServerRules)
    content: ContentRules = field(default_factory=ContentRules)
    strict: StrictLimits = field(default_factory=StrictLimits)
    directory: DirectoryRules = field(default_factory=DirectoryRules)
    account: FirstAccount = field(default_factory=FirstAccount)
    api: ApiRules = field(default_factory=ApiRules)
    events: EventRules = field(default_factory=EventRules)
    doctor: DoctorFacts = field(default_factory=DoctorFacts)
    quirk: Quirk = field(default_factory=Quirk)


GROUPS: Final[Mapping[str, type]] = MappingProxyType(
    {
        "limits": Limits,
        "auth": AuthRules,
        "server": ServerRules,
        "content": ContentRules,
        "strict": StrictLimits,
        "directory": DirectoryRules,
        "account": FirstAccount,
        "api": ApiRules,
        "events": EventRules,
        "doctor": DoctorFacts,
        "quirk": Quirk,
    }
)
"""The tables of a profile: attribute to type."""
