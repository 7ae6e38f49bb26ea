"""A provider's behaviour, as we expect and imitate it: EHLO, replies, limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from gatepost.model.doctor_facts import DoctorFacts
from gatepost.model.reply import Reply
from gatepost.model.server_behaviour import (
    AuthRules,
    ContentRules,
    FirstAccount,
    Quirk,
    ServerRules,
)
from gatepost.model.units import MIB

__all__ = [
    "GROUPS", "MINUTE", "REFUSALS", "ApiRules", "DirectoryRules", "DoctorFacts", "EventRules",
    "Limits", "Profile", "StrictLimits",
]  # fmt: skip

MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that always hold. Octets and seconds."""

    message_size: int = 30 * MIB
    """Octets of a message."""
    recipients: int = 100
    """Recipients of a message."""
    command_line: int = 512
    """Octets with CRLF (RFC 5321 4.5.3.1.4), to which the extensions add theirs."""
    auth_line: int = 12_288
    """Octets of a line of an AUTH exchange (RFC 4954 4)."""
    errors: int = 10
    """Refused commands in a session, after which it gets 421."""
    commands: int = 100_000
    """Commands in a session, after which it gets 421."""
    idle: float = 5 * MINUTE
    """Seconds without a command, after which a session gets 421 (RFC 5321 4.5.3.2.7)."""


@dataclass(frozen=True, slots=True)
class StrictLimits:
    """What only ``--strict`` adds, because a test suite would run into it."""

    effective_size: int | None = None
    """Octets of a message, if this is less than `limits.message_size`."""
    connections: int | None = None
    """Authenticated connections per subscription."""
    managed_per_minute: int | None = None
    """Messages from Azure-managed domains; the same per hour and per day."""
    managed_per_hour: int | None = None
    managed_per_day: int | None = None
    custom_per_minute: int | None = None
    """Messages from custom domains; the same per hour and per day."""
    custom_per_hour: int | None = None
    custom_per_day: int | None = None
    managed_status_per_minute: int | None = None
    """Requests over REST for the status of a message; the same per hour."""
    managed_status_per_hour: int | None = None
    custom_status_per_minute: int | None = None
    custom_status_per_hour: int | None = None
    count_refused: bool = True
    """Messages that are refused because of the rate count as well."""
    shared_rate: bool = True
    """SMTP and REST share one count."""
    login_delay: float = 0.0
    """Seconds until a refused login is answered; more after several failures."""
    propagation_delay: float = 0.0
    """Seconds until a new role assignment or SMTP user name takes effect."""

    @property
    def has_limits(self) -> bool:
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

    kind: Literal["azure", "accounts", "exchange"] = "azure"
    """Who can sign in to `gatepost up`: `azure`: applications of Entra with a role; `accounts`:
    plain accounts, the first of which is described in `[account]`; `exchange`: mailboxes of an
    organisation, with the first account as the first one, and applications that may send as them.
    """
    service: Literal["client_submission", "high_volume"] = "client_submission"
    """Which mailboxes of an organisation can sign in: all but the accounts of High Volume Email, or
    only these."""
    accepted_domains: tuple[str, ...] = ()
    """Further accepted domains of the organisation that the first start creates."""
    required_actions: Literal["current", "legacy-2023"] | tuple[str, ...] = "current"
    """Actions that a role must grant for sending: a list, or the name of one; `legacy-2023` is the
    list that was documented until September 2024."""
    require_smtp_username_resource: bool = False
    """RESOURCE.APPLICATION.TENANT is not enough to sign in: there must be an SMTP user name."""
    token_cache: float = 0.0
    """Seconds for which a secret that has signed in remains valid after it was deleted or has
    expired: a provider may cache the token that it got for it."""
    reveal_reason: bool = False
    """The refusal of a login ends with ` (gatepost: SLUG)`. For debugging; no provider does this.
    """
    domain_verification: Literal["instant", "dns", "manual"] = "instant"
    """What `initiateVerification` does for a custom domain: verify it immediately (`instant`),
    verify it if its DNS record is found (`dns`), or wait for `gatepost domain verify --by-hand`
    (`manual`)."""
    nameservers: tuple[str, ...] = ()
    """Addresses of the name servers for these records, with or without a port. None: the system's.
    """


@dataclass(frozen=True, slots=True)
class ApiRules:
    """What the HTTP APIs do."""

    request_size: int = 10 * MIB
    """Octets of a request to send, including attachments in Base64."""
    recipients: int = 50
    """Recipients of a message: To, Cc and Bcc together."""
    clock_skew: float = 5 * MINUTE
    """Maximum difference in seconds between the date of a signed request and the server's time."""
    running: float = 0.5
    """Seconds for which an operation is `Running` before it succeeds or fails."""
    repeatable: float = 5 * MINUTE
    """Seconds after `Repeatability-First-Sent` for which a request of 2021-10-01-preview is
    accepted."""
    attachment_types: Literal["listed", "any"] = "listed"
    """Permitted values of an attachment's `contentType`: those on the provider's list, or any."""
    reserved_headers: Literal["refuse", "ignore"] = "refuse"
    """Custom headers that other properties of the document make, such as `From`, get 400, or are
    ignored."""
    operation_id_reused: Literal["conflict", "stored"] = "conflict"
    """A request with the `Operation-Id` of another request gets 409, or the other request's
    operation."""


@dataclass(frozen=True, slots=True)
class EventRules:
    """What is told of a message after it was accepted."""

    retry: tuple[float, ...] = (10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0)
    """Seconds until an event is sent to a webhook again, after the first attempt, the second and so
    on; the last value repeats."""
    retry_jitter: float = 0.1
    """The fraction by which such a time may be longer."""
    attempts: int = 30
    """Attempts after which an event becomes a dead letter."""
    time_to_live: float = 86_400.0
    """Seconds after which an event becomes a dead letter."""
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
    """What the profile imitates, in a few words."""
    kind: Literal["provider", "server", "quirk"] = "provider"
    """A mail provider, server software, or a server with a fault."""
    as_of: str = ""
    """The date of what the profile imitates: YYYY, YYYY-MM or YYYY-MM-DD."""
    hosts: tuple[str, ...] = ()
    """The provider's real host names."""
    ehlo_pattern: str = ""
    """A regular expression for the first EHLO line, by which the doctor recognises the provider."""
    host: str = "localhost"
    """The server's name; may contain `{pod}`, which is replaced once per process."""
    greeting: str = "{host} ESMTP"
    """The text after 220; may contain `{host}`, `{peer}` (the client's address) and `{pod}`."""
    hello: str = "{host}"
    """The first line of the reply to EHLO."""
    in_clear: tuple[str, ...] = ()
    """The other lines before STARTTLS, exactly as sent; `{size}` and `{recipients}` are replaced by
    the limits. Mechanisms that the directory cannot verify are omitted."""
    over_tls: tuple[str, ...] = ()
    """The same over TLS."""
    unadvertised_mechanisms: tuple[str, ...] = ()
    """Mechanisms that are accepted over TLS although EHLO does not list them."""
    requires_tls: bool = True
    """MAIL and AUTH are accepted only over TLS."""
    requires_auth: bool = True
    """MAIL is accepted only after a login."""
    checks_sender: bool = False
    """The domain of the sender must be linked and its local part registered, in MAIL and in From.
    """
    sender_phase: Literal["mail", "rcpt", "data"] = "mail"
    """The command at which a wrong MAIL FROM is refused. The header From is checked at the end of
    the content."""
    rate_phase: Literal["mail", "data"] = "data"
    """The command at which the rate is counted, and messages over the rate are refused."""
    login_initial_response: bool = True
    """AUTH LOGIN may be followed by the user name on the same line; otherwise that gets 501."""
    bare_newline: Literal["convert", "refuse"] = "convert"
    """A bare CR or LF in the content is converted to CRLF, or the message is refused."""
    replies: Mapping[str, Reply] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    """Replies by the name of their condition: see the table at the end of the list of profiles."""
    answers: Mapping[str, Reply] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    """From a command to the only reply that it gets, if its conditions are met (TLS, a login);
    `CONTENT` is the end of a message."""
    refusals: Mapping[str, Reply] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    """Replies to refused logins by their reason, for a provider that tells it; all other logins get
    AUTH_FAILED."""
    sources: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), compare=False)
    """The source of each value and its date, by the name of a key or a table: `limits.recipients`
    or `limits`."""
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

    @property
    def has_limits(self) -> bool:
        """True when there is anything to count: connections, messages or recipients."""
        return self.strict.has_limits or self.directory.kind == "exchange"


REFUSALS: Final = frozenset(
    {
        "app_not_allowed", "basic_auth_disabled", "mailbox_out_of_scope", "not_high_volume",
        "permission_missing", "security_defaults_block", "service_principal_missing",
        "service_principal_of_registration", "smtp_auth_disabled_mailbox",
        "smtp_auth_disabled_tenant", "token_expired", "token_malformed",
    }
)  # fmt: skip
"""The reasons for which a profile may have a reply of its own."""

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
