"""Makes the sign-in of people to the console at the Entra tenant of the directory."""

import time

from gatepost.app.make_entra_directory import open_issuers
from gatepost.client.tokens.entra import EntraApplication, EntraCertificate, EntraSecret
from gatepost.client.tokens.entra_code import ApplicationProof, CodeExchange
from gatepost.config.settings import ConsoleEntraSettings
from gatepost.console.access.entra_sign_in import ConsoleApplication, EntraSignIn
from gatepost.net.http_client import Http


def open_entra_sign_in(settings: ConsoleEntraSettings, http: Http) -> EntraSignIn:
    """Return the sign-in of a configuration."""
    return EntraSignIn(
        ConsoleApplication(settings.tenant, settings.client_id, settings.roles),
        open_issuers(http, settings.authority, [settings.tenant]),
        CodeExchange(http, settings.client_id, _proof_of(settings, http)),
        time.time,
        time.monotonic,
    )


def _proof_of(settings: ConsoleEntraSettings, http: Http) -> ApplicationProof | None:
    application = EntraApplication(settings.tenant, settings.client_id, settings.authority)
    if settings.secret is not None:
        return EntraSecret(http, application, settings.secret.read)
    if settings.certificate is not None:
        return EntraCertificate(http, application, settings.certificate.read)
    return None
