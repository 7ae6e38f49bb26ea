"""Makes the directory of applications in real tenants, which their token endpoint proves."""

import time
from functools import partial

from gatepost.client.tokens.entra import EntraApplication, EntraSecret
from gatepost.config.settings import EntraDirectorySettings
from gatepost.diagnosis.errors import finding_of
from gatepost.directory.azure.username import CompositeName
from gatepost.directory.entra import EntraDirectory, EntraRules, Proof
from gatepost.directory.entra_tokens import EntraTokens, audiences_of
from gatepost.errors import TokenError
from gatepost.keys.accounts import PROOFS
from gatepost.keys.entra_keys import published_by
from gatepost.keys.store_key import Key
from gatepost.model.secret import Secret
from gatepost.net.http import Http


def open_entra(settings: EntraDirectorySettings, http: Http, key: Key) -> EntraDirectory:
    """Return the directory of a configuration."""
    some = dict.fromkeys(settings.applications, settings.senders)
    applications = {**some, **settings.own_senders}
    rules = EntraRules(
        frozenset(settings.tenants),
        applications,
        None if applications else settings.senders,
        settings.cache.total_seconds(),
    )
    prove = partial(prove_at_endpoint, http, settings)
    audiences = [audiences_of(each) for each in settings.audiences or (settings.scope,)]
    tokens = EntraTokens(
        partial(published_by, http, settings.authority),
        rules.tenants,
        frozenset[str]().union(*audiences),
        time.time,
    )
    return EntraDirectory(rules, prove, key.subkey(PROOFS), time.monotonic, tokens)


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
