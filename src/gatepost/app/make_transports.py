"""Makes transports and their logins from the targets and credentials of a configuration."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, assert_never

from gatepost.app.shared_turn import SharedTurn
from gatepost.client.http_sign_in import AccessKeySignIn, BearerSignIn, HttpSignIn
from gatepost.client.provider_sign_in import (
    AwsSignIn,
    BasicKeySignIn,
    KeySignIn,
    ProviderCredential,
)
from gatepost.client.smtp_sign_in import (
    CertificateSignIn,
    CredentialSource,
    PasswordSignIn,
    TokenSignIn,
)
from gatepost.client.tokens.azure import ManagedIdentity, Workload, WorkloadIdentity
from gatepost.client.tokens.contract import TokenSource
from gatepost.client.tokens.entra import EntraApplication, EntraCertificate, EntraSecret
from gatepost.client.tokens.google import GoogleServiceAccount
from gatepost.client.tokens.refresh_token_grant import RefreshClient, RefreshToken
from gatepost.client.tokens.renewing_cache import TokenCache
from gatepost.config.settings import (
    AccessKeyCredential,
    ApiKeyCredential,
    AwsKeyCredential,
    AzureIdentityCredential,
    CertificateCredential,
    CredentialSettings,
    EntraCredential,
    GoogleCredential,
    PasswordCredential,
    RefreshCredential,
)
from gatepost.errors import ConfigError
from gatepost.keys.refresh_tokens import StoredRefreshToken, StoredRefreshTokens
from gatepost.model.route import (
    AcsRestTarget,
    Capture,
    GraphTarget,
    HttpApiTarget,
    MxTarget,
    Route,
    SmarthostTarget,
    Target,
    send_as_of,
)
from gatepost.net.http_client import Http
from gatepost.profiles import load_profile
from gatepost.queue.cluster_contract import Cluster
from gatepost.queue.store_contract import Store
from gatepost.relay.transport.acs_rest import SCOPE as ACS_SCOPE
from gatepost.relay.transport.acs_rest import AcsRestTransport
from gatepost.relay.transport.capture import CaptureTransport
from gatepost.relay.transport.contract import Transport
from gatepost.relay.transport.graph import GraphTransport
from gatepost.relay.transport.marked import MarkedTransport, TargetMarks
from gatepost.relay.transport.message_signing import MessageSigner
from gatepost.relay.transport.provider_api import ProviderApiTransport
from gatepost.relay.transport.provider_request import filled_in
from gatepost.relay.transport.sender_rewriting import SenderRewriting
from gatepost.relay.transport.smtp import Sending, SmtpTransport

OUTLOOK_SCOPE: Final = "https://outlook.office365.com/.default"
"""Microsoft Learn, "Authenticate an IMAP, POP or SMTP connection using OAuth"."""


Turns = dict[tuple[str, str], asyncio.Lock]
"""Locks of clients at token endpoints, whose refresh tokens may be the same."""


@dataclass(frozen=True, slots=True)
class Upstreams:
    """What all transports of a relay share."""

    credentials: Mapping[str, CredentialSettings]
    http: Http
    tokens: TokenCache
    store: Store | None
    """The store for captured mail; None: nothing is captured."""
    next_id: Callable[[], str]
    refresh_tokens: StoredRefreshTokens
    """Refresh tokens that a provider issued in place of the configured ones."""
    sending: Sending = field(default_factory=Sending)
    turns: Turns = field(default_factory=dict)
    marks: Mapping[str, TargetMarks] = field(default_factory=dict)
    """By the names of targets: how their mail is marked; none: it is not."""
    ca_file: str = ""
    """Authorities that ``http`` trusts instead of the system's; azure-identity does not use it."""
    cluster: Cluster | None = None
    """The nodes that share the credentials; None: there are no others."""
    signers: Mapping[str, MessageSigner] = field(default_factory=dict)
    """By the names of targets: what signs their mail; none: it is not signed."""

    def transports(self, routes: Iterable[Route]) -> dict[str, Transport]:
        """Return the transport of each target by its name. Raises ConfigError."""
        targets = {target.name: target for route in routes for target in route.chain}
        return {name: self.transport(target) for name, target in targets.items()}

    def transport(self, target: Target) -> Transport:
        """Return the transport of a target, behind the rewriting of senders that it needs. Raises
        ConfigError."""
        transport, send_as = self._transport(target), send_as_of(target)
        if send_as:
            transport = SenderRewriting(transport, target.name, send_as)
        marks = self.marks.get(target.name)
        return MarkedTransport(transport, marks) if marks else transport

    def _transport(self, target: Target) -> Transport:
        signer = self.signers.get(target.name)
        match target:
            case Capture():
                if self.store is None:
                    raise ConfigError(f"{target.name} keeps mail here, where there is no store")
                return CaptureTransport(target, self.store, self.next_id)
            case MxTarget():
                return SmtpTransport(target, None, self.sending, signer)
            case SmarthostTarget():
                sign_in = self._sign_in(target) if target.credential else None
                return SmtpTransport(target, sign_in, self.sending, signer)
            case AcsRestTarget():
                return AcsRestTransport(target, self.http, self._for_acs(target))
            case GraphTarget():
                source, scope = self._source(self._named(target.credential))
                usual = f"{target.endpoint.rstrip('/')}/.default"
                sign_in_there = BearerSignIn(self.tokens, source, scope or usual)
                return GraphTransport(target, self.http, sign_in_there)
            case HttpApiTarget():
                marks = self.marks.get(target.name)
                credential = self._for_provider(target)
                return ProviderApiTransport(target, self.http, credential, marks, signer)
        assert_never(target)

    def _named(self, name: str) -> CredentialSettings:
        credential = self.credentials.get(name)
        if credential is None:
            raise ConfigError(f"there is no credential {name}")
        return credential

    def _sign_in(self, target: SmarthostTarget) -> CredentialSource:
        credential = self._named(target.credential)
        if isinstance(credential, PasswordCredential):
            return PasswordSignIn(credential.username, credential.password.read)
        if isinstance(credential, CertificateCredential):
            key = credential.key or None
            return CertificateSignIn(credential.certificate, key, credential.username)
        source, scope = self._source(credential)
        username = getattr(credential, "username", "")
        if not scope and isinstance(credential, EntraCredential | AzureIdentityCredential):
            acs = load_profile("acs").hosts
            is_acs = any(each.host.lower() in acs for each in target.servers)
            scope = ACS_SCOPE if is_acs else OUTLOOK_SCOPE
        return TokenSignIn(username, self.tokens, source, scope)

    def _for_acs(self, target: AcsRestTarget) -> HttpSignIn:
        credential = self._named(target.credential)
        if isinstance(credential, AccessKeyCredential):
            return AccessKeySignIn(f"access key {credential.name}", credential.key.read)
        source, scope = self._source(credential)
        return BearerSignIn(self.tokens, source, scope or ACS_SCOPE)

    def _for_provider(self, target: HttpApiTarget) -> ProviderCredential:
        credential, sign_in = self._named(target.credential), target.provider.sign_in
        if isinstance(credential, AwsKeyCredential):
            token = credential.session_token.read if credential.session_token else None
            return AwsSignIn(
                f"access key {credential.name}", credential.access_key_id,
                credential.secret_access_key.read, token,
                filled_in(sign_in.region, target), sign_in.service,
            )  # fmt: skip
        if not isinstance(credential, ApiKeyCredential):
            raise ConfigError(f"the credential {credential.name} is no key of an API")
        identity = f"API key {credential.name}"
        if sign_in.kind == "basic":
            return BasicKeySignIn(identity, sign_in.username, credential.key.read)
        return KeySignIn(identity, credential.key.read, sign_in.header, sign_in.prefix)

    def _source(self, credential: CredentialSettings) -> tuple[TokenSource, str]:
        """Return the token source of a credential, and its configured scope, if any."""
        match credential:
            case EntraCredential():
                return self._entra(credential), credential.scope
            case AzureIdentityCredential(kind="managed-identity"):
                return ManagedIdentity(credential.client_id), credential.scope
            case AzureIdentityCredential():
                workload = Workload(credential.tenant, credential.client_id, ca_file=self.ca_file)
                return WorkloadIdentity(workload), credential.scope
            case GoogleCredential():
                name, key = credential.name, credential.key.read
                return GoogleServiceAccount(self.http, name, key, credential.username), ""
            case RefreshCredential():
                secret = credential.client_secret.read if credential.client_secret else None
                client = RefreshClient(
                    credential.token_endpoint, credential.client_id, credential.username, secret,
                    credential.name,
                )  # fmt: skip
                stored = self.refresh_tokens.of(credential.name, credential.refresh_token.read)
                own = credential.token_endpoint, credential.client_id
                lock = self.turns.setdefault(own, asyncio.Lock())
                turn = lock if self.cluster is None else self._shared_turn(lock, own, stored)
                source = RefreshToken(self.http, client, stored.read, stored.keep, turn)
                return source, credential.scope
            case (
                PasswordCredential() | CertificateCredential() | AccessKeyCredential()
                | ApiKeyCredential() | AwsKeyCredential()
            ):  # fmt: skip
                raise ConfigError(f"the credential {credential.name} cannot provide a token")
        assert_never(credential)

    def _shared_turn(
        self, lock: asyncio.Lock, own: tuple[str, str], stored: StoredRefreshToken
    ) -> SharedTurn:
        assert self.cluster is not None  # noqa: S101 - else there is nobody to share it with
        return SharedTurn(lock, self.cluster, f"refresh token {' '.join(own)}", stored)

    def _entra(self, credential: EntraCredential) -> TokenSource:
        application = EntraApplication(
            credential.tenant, credential.client_id, credential.authority, credential.name
        )
        if credential.certificate is not None:
            return EntraCertificate(self.http, application, credential.certificate.read)
        if credential.secret is None:
            raise ConfigError(f"the credential {credential.name} has no secret")
        return EntraSecret(self.http, application, credential.secret.read)
