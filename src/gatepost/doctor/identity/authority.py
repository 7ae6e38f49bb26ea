"""The tenant's authority: does it exist, and does it issue a token to this application?

OpenID Connect Discovery 1.0, 4; RFC 6749 4.4; Microsoft Learn, "OAuth 2.0 client credentials flow".
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from gatepost.client.tokens.entra import GRANT, EntraApplication
from gatepost.client.tokens.token_requests import read_token
from gatepost.directory.azure.resource_ids import is_guid
from gatepost.doctor.identity.service_request import Questions
from gatepost.errors import TokenError
from gatepost.model.entra import EntraResponse
from gatepost.model.secret import Secret
from gatepost.net.http_client import HttpRequest

_FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}


def ask_for_tenant(questions: Questions, authority: str, tenant: str) -> tuple[EntraResponse, str]:
    """Ask whether the tenant exists, and return its id, too; empty if that is not told.

    The request contains no secret.
    """
    url = f"{authority}/{quote(tenant, safe='')}/v2.0/.well-known/openid-configuration"
    answer, document = questions.ask(HttpRequest("GET", url, {"accept": "application/json"}))
    issuer = document.get("issuer")
    parts = issuer.lower().split("/") if isinstance(issuer, str) else []
    return answer, next(filter(is_guid, parts), "")


def ask_for_token(
    questions: Questions, application: EntraApplication, secret: Secret, scope: str
) -> tuple[EntraResponse, Secret | None]:
    """Send the secret to the authority, once, and return the token that it issues.

    The endpoint is built, not taken from the discovery document, so that it is the authority's own.
    """
    form = {
        "client_id": application.client_id,
        "grant_type": GRANT,
        "client_secret": secret.reveal(),
        "scope": scope,
    }
    body = urlencode(form, errors="surrogateescape").encode()
    answer, document = questions.ask(HttpRequest("POST", application.token_endpoint, _FORM, body))
    return answer, _token_in(document) if answer.status == 200 else None


def _token_in(document: Mapping[str, Any]) -> Secret | None:
    try:
        return read_token(document).secret
    except TokenError:
        return None
