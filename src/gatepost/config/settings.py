"""A configuration, read and checked: what ``gatepost serve`` works with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

from gatepost.client.named_secret import NamedSecret
from gatepost.config.reading import Effective
from gatepost.config.values import Network
from gatepost.errors import ConfigError
from gatepost.model.route import Route
from gatepost.net.dial import Server

ListenerTls = Literal["starttls", "implicit", "none"]
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class NetworkRule:
    """What holds for clients of some networks; the first rule that has theirs counts."""

    networks: tuple[Network, ...]
    mechanisms: tuple[str, ...] | None = None
    """None: those of the listener."""
    may_relay: bool = False
    """They need not sign in. The one rule that opens a relay, and only for them."""
    refuse: bool = False


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """One place where clients connect: an address and port, or a Unix socket."""

    name: str
    host: str = ""
    port: int = 0
    unix: str = ""
    """A path; then there is no host."""
    tls: ListenerTls = "starttls"
    certificate: str = ""
    """PEM: certificate and chain, and the key unless ``key`` names its file."""
    key: str = ""
    mechanisms: tuple[str, ...] = ()
    """Empty: all that the directory can verify."""
    networks: tuple[NetworkRule, ...] = ()
    proxies: tuple[Network, ...] = ()
    """Who begins with a PROXY header (haproxy, v1 or v2); empty: nobody does."""
    client_authorities: str = ""
    """PEM: whose certificates of clients are believed (EXTERNAL); empty: none is asked for."""
    allow_clear_text: bool = False
    """``tls`` may be none on an address that others can reach: passwords can be overheard."""


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """A name, where its password is kept, and what it may send as."""

    name: str
    password: NamedSecret | None = None
    """None: it signs in by certificate alone."""
    senders: tuple[str, ...] = ()
    cram_md5: bool = False
    """Keep what CRAM-MD5 needs, which is as good as the password."""
    certificates: tuple[str, ...] = ()
    """Names, mailboxes or digests (``sha256:...``) of client certificates that are this account."""


@dataclass(frozen=True, slots=True)
class AccountsDirectory:
    """Plain accounts, all in the file."""

    accounts: tuple[AccountSettings, ...] = ()


@dataclass(frozen=True, slots=True)
class AzureDirectorySettings:
    """Tenants, applications, roles and domains, kept in the store, as in ``gatepost up``."""

    profile: str = "acs"
    strict: bool = False


@dataclass(frozen=True, slots=True)
class EntraDirectory:
    """Applications of real tenants: the token endpoint says whether a secret is right."""

    tenants: tuple[str, ...] = ()
    applications: tuple[str, ...] = ()
    """Client ids that may sign in beside those with senders of their own; none of either: all."""
    senders: tuple[str, ...] = ()
    own_senders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By client id: what that application may send as, instead of ``senders``."""
    authority: str = "https://login.microsoftonline.com"
    scope: str = "https://communication.azure.com/.default"
    cache: timedelta = timedelta(minutes=5)
    """For which an answer is believed."""
    audiences: tuple[str, ...] = ()
    """Resources for which a token that signs in may be; none: that of ``scope``."""


DirectorySettings = AccountsDirectory | AzureDirectorySettings | EntraDirectory


@dataclass(frozen=True, slots=True)
class PasswordCredential:
    """A user name and a password."""

    name: str
    username: str
    password: NamedSecret


@dataclass(frozen=True, slots=True)
class EntraCredential:
    """An Entra application, by secret or by certificate (PEM with its key)."""

    name: str
    tenant: str
    client_id: str
    secret: NamedSecret | None = None
    certificate: NamedSecret | None = None
    username: str = ""
    """The mailbox or SMTP user name beside the token."""
    authority: str = "https://login.microsoftonline.com"
    scope: str = ""


@dataclass(frozen=True, slots=True)
class AzureIdentityCredential:
    """What Azure gives to what runs there."""

    name: str
    kind: Literal["managed-identity", "workload-identity"]
    client_id: str = ""
    tenant: str = ""
    username: str = ""
    scope: str = ""


@dataclass(frozen=True, slots=True)
class GoogleCredential:
    """A Google service account's key file, for a user of its Workspace."""

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
class CertificateCredential:
    """A TLS client certificate, and the user to act as, if any (EXTERNAL)."""

    name: str
    certificate: str
    """PEM: certificate and chain, and the key unless ``key`` names its file."""
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
)


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """What a client gets. Octets, seconds; the defaults are a relay's, not a provider's."""

    message_size: int = 50 * MIB
    recipients: int = 1000
    connections: int = 5000
    connections_per_address: int = 100
    messages_per_connection: int = 10_000
    errors: int = 10
    idle: timedelta = timedelta(minutes=5)
    login_failures: int = 5
    """Of one address in a minute; then it waits."""
    memory: int = 64 * MIB
    """For bodies on their way; beyond it they go to disk, then 452."""


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """Where mail is kept meanwhile, and when no more is taken."""

    directory: Path = Path("/var/lib/gatepost")
    free_space: int = 256 * MIB
    history: timedelta = timedelta(days=7)
    history_messages: int = 100_000
    captured: timedelta = timedelta(days=30)
    """How long captured mail is kept."""


@dataclass(frozen=True, slots=True)
class DnsSettings:
    """Whom to ask; empty: whom the system asks."""

    nameservers: tuple[Server, ...] = ()
    timeout: timedelta = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Where the HTTPS APIs of the Azure directory are served."""

    host: str
    port: int
    certificate: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Config:
    """The whole."""

    hostname: str
    listeners: tuple[ListenerSettings, ...]
    directories: tuple[DirectorySettings, ...]
    """The first one that knows a name answers for it."""
    routes: tuple[Route, ...]
    credentials: Mapping[str, CredentialSettings]
    limits: LimitSettings
    storage: StorageSettings
    dns: DnsSettings
    workers: int = 0
    postmaster: str = ""
    """Who gets the mail to ``postmaster`` without a domain; empty: it is refused."""
    health: tuple[str, int] | None = None
    """Where ``GET /health`` is answered over HTTP; None: nowhere."""
    api: ApiSettings | None = None
    """Where the Azure directory is managed and gives tokens; None: nowhere."""
    ca_file: str = ""
    """PEM: who is believed where HTTPS is asked (tokens, APIs); empty: whom the system believes."""
    effective: tuple[Effective, ...] = ()
    """Every value as it holds, in the order in which the file would have it."""
    warnings: tuple[ConfigError, ...] = ()
    """What works, and should not be left as it is; each with ``where``."""
