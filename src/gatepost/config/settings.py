"""The configuration of a relay, read from a file or made by a preset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal

from gatepost.client.named_secret import NamedSecret
from gatepost.config.table_reader import EffectiveValue
from gatepost.config.value_syntax import Network
from gatepost.dkim.canonical_form import Form
from gatepost.errors import ConfigError
from gatepost.model.console_access import ConsoleRole, PasswordUser
from gatepost.model.profile import EventRules, Profile
from gatepost.model.provider_events import EventProvider
from gatepost.model.route import Route
from gatepost.model.units import MIB
from gatepost.net.dial import Server
from gatepost.rest.events.subscription import EventSubscription


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """Limits of clients, in octets and seconds; the defaults suit a relay, not a provider."""

    message_size: int = 50 * MIB
    recipients: int = 1000
    connections: int = 5000
    connections_per_address: int = 100
    messages_per_connection: int = 10_000
    errors: int = 10
    idle: timedelta = timedelta(minutes=5)
    login_failures: int = 5
    """Refused logins of one address per minute; further ones wait."""
    memory: int = 64 * MIB
    """For message contents; beyond it they go to disk, then clients get 452."""


ListenerTls = Literal["starttls", "implicit", "none"]
Apis = Literal["management", "secure", "clear"]
"""A relay's (mail, tokens, the directory), all of them, or mail without TLS."""
Place = tuple[str, int] | None
"""Host and port to listen on (0: a free one); None: off."""


@dataclass(frozen=True, slots=True)
class NetworkRule:
    """Settings for clients in some networks; the first rule that contains the client's address
    applies."""

    networks: tuple[Network, ...]
    mechanisms: tuple[str, ...] | None = None
    """None: the listener's."""
    may_relay: bool = False
    """They need not sign in. The only setting that opens a relay, and only for them."""
    may_send_to: tuple[str, ...] = ()
    """Domains, in lower case, that they may send to without signing in."""
    refuse: bool = False


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """An address and port, or a Unix socket, where clients connect."""

    name: str
    host: str = ""
    port: int = 0
    unix: str = ""
    """A path; then there is no host."""
    tls: ListenerTls = "starttls"
    certificate: str = ""
    """PEM file with certificate and chain, and the key unless ``key`` names its file."""
    key: str = ""
    mechanisms: tuple[str, ...] | None = None
    """None: all that the directory can verify; empty: nobody can sign in."""
    networks: tuple[NetworkRule, ...] = ()
    proxies: tuple[Network, ...] = ()
    """Networks whose connections begin with a PROXY header (haproxy, v1 or v2); empty: none."""
    client_authorities: str = ""
    """PEM file of the authorities for client certificates (EXTERNAL); empty: none is requested."""
    allow_clear_text: bool = False
    """``tls`` may be none although other machines can connect: passwords can be intercepted."""
    replies: str = ""
    """The provider whose texts refusals have, since applications may know them; empty: ours."""


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """A name, the source of its password, and its permitted senders."""

    name: str
    password: NamedSecret | None = None
    """None: it signs in only with a certificate."""
    senders: tuple[str, ...] = ()
    cram_md5: bool = False
    """Store what CRAM-MD5 needs, which is equivalent to the password."""
    certificates: tuple[str, ...] = ()
    """Names, mailboxes or digests (``sha256:...``) of client certificates that sign in to this
    account."""


@dataclass(frozen=True, slots=True)
class AccountsDirectory:
    """Plain accounts: those in the file, and those in the store."""

    accounts: tuple[AccountSettings, ...] = ()
    provider: Profile | None = None
    """A preset's: the first start creates an account as this provider's are."""


@dataclass(frozen=True, slots=True)
class AzureDirectorySettings:
    """Tenants, applications, roles and domains, in the store, as with ``gatepost up``."""

    profile: str = "acs"
    strict: bool = False
    provider: Profile | None = None
    """A preset's, in place of the named profile: the first start creates what is needed to send."""
    signs_in: bool = True
    """False: it is only for the APIs."""


@dataclass(frozen=True, slots=True)
class EntraDirectorySettings:
    """Applications of real tenants: the token endpoint verifies secrets."""

    tenants: tuple[str, ...] = ()
    applications: tuple[str, ...] = ()
    """Client ids that may sign in, besides those with senders of their own; if there are neither:
    all."""
    senders: tuple[str, ...] = ()
    own_senders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By client id: the permitted senders of that application, instead of ``senders``."""
    usernames: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """By SMTP user name, in lower case: the client id and the tenant that it stands for."""
    authority: str = "https://login.microsoftonline.com"
    scope: str = "https://communication.azure.com/.default"
    cache: timedelta = timedelta(minutes=5)
    """Seconds for which an answer is cached."""
    audiences: tuple[str, ...] = ()
    """Permitted audiences of a token; none: the resource of ``scope``."""


@dataclass(frozen=True, slots=True)
class ExchangeDirectorySettings:
    """A preset's: an organisation of Exchange Online, beside the Azure directory before it."""

    provider: Profile


DirectorySettings = (
    AccountsDirectory | AzureDirectorySettings | EntraDirectorySettings | ExchangeDirectorySettings
)


@dataclass(frozen=True, slots=True)
class PasswordCredential:
    """A user name and a password."""

    name: str
    username: str
    password: NamedSecret


@dataclass(frozen=True, slots=True)
class EntraCredential:
    """An Entra application, with a secret or a certificate (PEM with its key)."""

    name: str
    tenant: str
    client_id: str
    secret: NamedSecret | None = None
    certificate: NamedSecret | None = None
    username: str = ""
    """The mailbox or SMTP user name for the token."""
    authority: str = "https://login.microsoftonline.com"
    scope: str = ""


@dataclass(frozen=True, slots=True)
class AzureIdentityCredential:
    """A managed or workload identity, for programs that run in Azure."""

    name: str
    kind: Literal["managed-identity", "workload-identity"]
    client_id: str = ""
    tenant: str = ""
    username: str = ""
    scope: str = ""


@dataclass(frozen=True, slots=True)
class GoogleCredential:
    """The key file of a Google service account, for a user of its Workspace."""

    name: str
    username: str
    key: NamedSecret


@dataclass(frozen=True, slots=True)
class RefreshCredential:
    """A refresh token of any OAuth 2.0 provider."""

    name: str
    username: str
    token_endpoint: str
    client_id: str
    refresh_token: NamedSecret
    client_secret: NamedSecret | None = None
    scope: str = ""


@dataclass(frozen=True, slots=True)
class AccessKeyCredential:
    """The access key of a Communication Services resource, for its REST API."""

    name: str
    key: NamedSecret


@dataclass(frozen=True, slots=True)
class ApiKeyCredential:
    """The key of an account at a provider with an HTTP API."""

    name: str
    key: NamedSecret


@dataclass(frozen=True, slots=True)
class AwsKeyCredential:
    """An access key of Amazon Web Services, which signs requests."""

    name: str
    access_key_id: str
    secret_access_key: NamedSecret
    session_token: NamedSecret | None = None


@dataclass(frozen=True, slots=True)
class CertificateCredential:
    """A TLS client certificate, and an authorization identity, if any (EXTERNAL)."""

    name: str
    certificate: str
    """PEM file with certificate and chain, and the key unless ``key`` names its file."""
    key: str = ""
    username: str = ""


CredentialSettings = (
    PasswordCredential
    | CertificateCredential
    | EntraCredential
    | AzureIdentityCredential
    | GoogleCredential
    | RefreshCredential
    | AccessKeyCredential
    | ApiKeyCredential
    | AwsKeyCredential
)


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """A database on PostgreSQL, in which mail is stored."""

    url: NamedSecret
    """Where its connection string is."""
    schema: str
    """The schema of its tables."""
    node: str
    """The name of this relay among those that share it; empty: that of the machine."""
    beat: timedelta = timedelta(seconds=5)
    """The time between two beats, by which a node shows the others that it lives."""
    dead_after: timedelta = timedelta(seconds=15)
    """Others take over the mail of this node if it has shown no beat for so long."""


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """Where mail is stored, and when no more is accepted."""

    directory: Path = Path("/var/lib/gatepost")
    free_space: int = 256 * MIB
    history: timedelta = timedelta(days=7)
    history_messages: int = 100_000
    captured: timedelta = timedelta(days=30)
    """How long captured mail is kept."""
    is_durable: bool = True
    """False for tests: it starts quickly, and a power cut may lose mail."""
    database: DatabaseSettings | None = None
    """Where mail is stored instead of in the directory, which keeps keys and sockets."""


@dataclass(frozen=True, slots=True)
class DnsSettings:
    """The name servers; empty: the system's."""

    nameservers: tuple[Server, ...] = ()
    timeout: timedelta = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class DkimKeySettings:
    """A key that signs mail of a domain; both names are A-labels in lower case."""

    domain: str
    selector: str
    file: str
    """PEM file with the private key."""


@dataclass(frozen=True, slots=True)
class DkimSettings:
    """The keys that sign mail, and how."""

    keys: tuple[DkimKeySettings, ...] = ()
    header: Form = "relaxed"
    body: Form = "relaxed"
    lifetime: timedelta | None = None
    """How long a signature is valid; None: for good."""


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """The address of HTTP APIs of the Azure directory."""

    host: str
    port: int
    certificate: str = ""
    key: str = ""
    apis: Apis = "management"


@dataclass(frozen=True, slots=True)
class ConsoleEntraSettings:
    """People sign in to the console at a tenant of the directory. Ids in lower case."""

    tenant: str
    client_id: str
    """The application that the console is there."""
    authority: str
    roles: Mapping[ConsoleRole, tuple[str, ...]]
    """The app roles, and the object ids of groups, that have each role here; in lower case."""
    secret: NamedSecret | None = None
    certificate: NamedSecret | None = None
    """Without secret and certificate, the application is a public client."""


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    """The listener of the console, the mailbox API and Gatepost's own API."""

    host: str
    port: int
    certificate: str = ""
    """PEM file with certificate and chain, and the key unless ``key`` names its file; empty: no
    TLS, on loopback only."""
    key: str = ""
    hosts: tuple[str, ...] = ()
    """NAME or NAME:PORT by which browsers call it, besides localhost and its address."""
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks of the proxies whose X-Forwarded-* are believed."""
    user_header: str = ""
    """The header in which a proxy names the user; empty: users sign in here."""
    users: tuple[PasswordUser, ...] = ()
    entra: ConsoleEntraSettings | None = None
    """None: nobody signs in at Entra."""
    release_route: str = ""
    """The name of the route by which mail is released; empty: it is not."""
    needs_token: bool = True
    """False: the mailbox API is open."""
    may_move: bool = False
    """If the port is taken, any other will do."""
    has_own_certificate: bool = False
    """The start makes its certificate."""


@dataclass(frozen=True, slots=True)
class FailureSettings:
    """Rules of scripted failures are allowed."""

    file: str = ""
    """The file with rules, in TOML; empty: there is none."""


@dataclass(frozen=True, slots=True)
class PollSettings:
    """How the events of a provider are read from its API."""

    every: timedelta
    key: NamedSecret
    """The key of the API."""
    urls: tuple[str, ...]
    """One for each poll of the provider."""


@dataclass(frozen=True, slots=True)
class EventQueueSettings:
    """A queue of Amazon SQS that has the events of a provider."""

    url: str
    region: str
    credential: AwsKeyCredential


@dataclass(frozen=True, slots=True)
class ProviderEventsSettings:
    """A provider whose webhooks come in."""

    name: str
    """Also the last part of the path of its webhook."""
    provider: EventProvider
    targets: tuple[str, ...]
    """Those whose mail they are about."""
    key: NamedSecret
    """What its webhooks are signed with, or the password that they come with."""
    username: str = ""
    topics: tuple[str, ...] = ()
    """Of Amazon SNS: where its events come from."""
    endpoint: str = ""
    """``https://HOST`` to ask for certificates instead of Amazon's hosts."""
    poll: PollSettings | None = None
    """None: its API is not asked for events."""
    queue: EventQueueSettings | None = None
    """None: its events are in no queue."""
    has_webhook: bool = True

    @property
    def has_delivery_events(self) -> bool:
        """Whether it says of mail that it was delivered, and not only that it was not."""
        return self.has_webhook or self.provider.polls_deliveries


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """A webhook that gets events, from the file."""

    subscription: EventSubscription
    """Still without its URL."""
    url: NamedSecret


@dataclass(frozen=True, slots=True)
class EventSettings:
    """What subscribers learn of mail that is relayed, and from where."""

    topic: str = ""
    """The id of the Communication Services resource for mail of no resource of the directory."""
    suppress: bool = True
    """Whether recipients on a suppression list get no mail."""
    bounce_domain: str = ""
    """The domain of the addresses to which bounces come back; empty: they go to the senders."""
    bounce_targets: tuple[str, ...] = ()
    """The targets whose mail has such an address as its sender."""
    address: tuple[str, int] | None = None
    """Where webhooks of providers come in; None: nowhere."""
    certificate: str = ""
    """PEM file with certificate and chain, and the key unless ``key`` names its file; empty: no
    TLS, on loopback only."""
    key: str = ""
    providers: tuple[ProviderEventsSettings, ...] = ()
    webhooks: tuple[WebhookSettings, ...] = ()
    """Those that the file wants; others may be created while the relay runs."""

    @property
    def credentials(self) -> Sequence[str]:
        """The names of the credentials with which events are read."""
        return [each.queue.credential.name for each in self.providers if each.queue is not None]


@dataclass(frozen=True, slots=True)
class Emulation:
    """A provider that the relay imitates. Sent to front processes as JSON."""

    profile: Profile
    """In effect and with our host name, so that all processes send the same replies."""
    places: Mapping[str, Place]
    """Where ``smtp`` and ``smtps`` listen."""
    certificate: str = ""
    """The PEM file with chain and key, once the first start has made it."""


@dataclass(frozen=True, slots=True)
class Provisioning:
    """The start makes certificates by an authority of its own; ready.json names it, and what the
    directories have created for the application."""

    names: tuple[str, ...] = ()
    """Names and addresses by which clients know the server, besides those it listens on."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """The whole configuration."""

    hostname: str
    listeners: tuple[ListenerSettings, ...]
    directories: tuple[DirectorySettings, ...]
    """The first one that knows a name decides about it."""
    routes: tuple[Route, ...]
    credentials: Mapping[str, CredentialSettings]
    limits: LimitSettings
    storage: StorageSettings
    dns: DnsSettings
    workers: int = 0
    postmaster: str = ""
    """Recipient of mail to ``postmaster`` without a domain; empty: it is refused."""
    health: tuple[str, int] | None = None
    """Address for ``GET /health`` over HTTP; None: off."""
    degraded_after: timedelta = timedelta(minutes=30)
    """Time without a delivery, while mail waits, after which health checks call a target degraded;
    zero: never."""
    apis: tuple[ApiSettings, ...] = ()
    """Where the Azure directory is managed and issues tokens."""
    console: ConsoleSettings | None = None
    """None: neither the console nor its APIs are served."""
    ca_file: str = ""
    """PEM file of the authorities for outgoing HTTPS (tokens, APIs); empty: the system's."""
    effective: tuple[EffectiveValue, ...] = ()
    """Every effective value, in the order of the file."""
    warnings: tuple[ConfigError, ...] = ()
    """What works, but should be changed; each with ``where``."""
    file: str = ""
    """Where it was read; of a preset: the profile."""
    text: str = ""
    """The text of the file, which front processes parse again."""
    emulation: Emulation | None = None
    """None: sessions follow the listeners and limits above."""
    captures: bool = False
    """All mail is captured, whatever its recipient; there are no routes."""
    provisioning: Provisioning | None = None
    """None: certificates and accounts are the operator's."""
    reports: EventRules | None = None
    """Rules of delivery reports; None: there are none."""
    events: EventSettings | None = None
    """What these reports say of relayed mail; None: nothing."""
    records_sessions: bool = False
    """The transcripts of the last sessions are kept in memory, without secrets."""
    dkim: DkimSettings = DkimSettings()
    failures: FailureSettings | None = None
    """None: rules of scripted failures are ignored."""
