"""Makes the directory of applications in real tenants: their token endpoint proves them, and the
tenants publish the keys of their tokens."""

import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec

from gatepost.client.tokens.entra import EntraApplication, EntraSecret
from gatepost.config.settings import EntraDirectorySettings
from gatepost.diagnosis.client_errors import finding_of
from gatepost.directory.azure.username import CompositeName
from gatepost.directory.entra import BY_USERNAME, EntraDirectory, EntraRules, Proof
from gatepost.directory.entra_issuers import TenantIssuers, TokenIssuer, read_issuer
from gatepost.directory.entra_tokens import EntraTokens, audiences_of
from gatepost.errors import GatepostError, TokenError
from gatepost.keys.accounts import PROOFS
from gatepost.keys.store_key import Key
from gatepost.model.secret import Secret
from gatepost.net.http_client import Http, HttpRequest


def open_entra(settings: EntraDirectorySettings, http: Http, key: Key) -> EntraDirectory:
    """Return the directory of a configuration."""
    some = dict.fromkeys(settings.applications, settings.senders)
    applications = {**some, **settings.own_senders}
    rules = EntraRules(
        frozenset(settings.tenants),
        applications,
        None if applications else settings.senders,
        settings.cache.total_seconds(),
        {
            username: CompositeName(BY_USERNAME, *stands_for)
            for username, stands_for in settings.usernames.items()
        },
    )
    prove = partial(prove_at_endpoint, http, settings)
    audiences = [audiences_of(each) for each in settings.audiences or (settings.scope,)]
    tokens = EntraTokens(
        open_issuers(http, settings.authority, settings.tenants),
        rules.tenants,
        frozenset[str]().union(*audiences),
        time.time,
    )
    return EntraDirectory(rules, prove, key.subkey(PROOFS), time.monotonic, tokens)


def open_issuers(http: Http, authority: str, tenants: Iterable[str]) -> TenantIssuers:
    """Return what tenants publish at an authority."""
    return TenantIssuers(partial(published_by, http, authority), frozenset(tenants), time.time)


async def prove_at_endpoint(
    http: Http, settings: EntraDirectorySettings, name: CompositeName, secret: Secret
) -> Proof:
    """Ask the token endpoint; a ``directory.entra.Prover``."""
    application = EntraApplication(name.tenant_id, name.application_id, settings.authority)
    try:
        await EntraSecret(http, application, lambda: secret).fetch(settings.scope)
    except TokenError as error:
        # A proxy's answer, another server's, or a word on our scope says nothing of the secret.
        is_judged = bool(error.error or error.number) and finding_of(error) != "oauth_scope_wrong"
        is_open = error.is_transient or not is_judged
        slug = finding_of(error) or ("entra_unavailable" if is_open else "entra_refused")
        return Proof(f"{slug}: {error}", is_open, error.retry_after)
    return Proof()


# Tokens of both versions are used, each with the issuer in its own document
# (https://learn.microsoft.com/entra/identity-platform/access-tokens#token-formats).
_DOCUMENTS: Final = (
    "v2.0/.well-known/openid-configuration",
    ".well-known/openid-configuration",
)

_URLS: Final = ("jwks_uri", "authorization_endpoint", "token_endpoint")


async def published_by(http: Http, authority: str, tenant_id: str) -> TokenIssuer | str:
    """Ask an authority for what a tenant publishes; a ``KeyFetcher``."""
    base = f"{authority.rstrip('/')}/{quote(tenant_id, safe='')}"
    try:
        discovered = [await _document(http, f"{base}/{each}") for each in _DOCUMENTS]
        for each in _URLS:
            url = str(discovered[0].get(each, ""))
            if urlsplit(url)[:2] != urlsplit(authority)[:2]:
                return f"the discovery document names no {each} at the authority"
        return read_issuer(discovered, await _document(http, discovered[0]["jwks_uri"]))
    except (GatepostError, ValueError) as error:
        return f"the tenant's keys cannot be fetched: {error}"


async def _document(http: Http, url: str) -> Mapping[str, Any]:
    response = await http.ask(HttpRequest("GET", url, {"accept": "application/json"}))
    if response.status != 200:
        raise ValueError(f"HTTP {response.status}")
    try:
        return msgspec.json.decode(response.body, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise ValueError("the answer is not a JSON object") from None
