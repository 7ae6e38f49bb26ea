"""The authorization code grant: a person's code becomes an ID token (RFC 6749 4.1.3, RFC 7636 4.6).

https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference
"""

import base64
import hashlib
import hmac
import uuid
from typing import Any, Final

from gatepost.directory.azure.entries import Tenant
from gatepost.directory.azure.resource_ids import new_guid
from gatepost.directory.azure.tokens import LIFETIME
from gatepost.rest.entra.authority import Authority, tenant_of
from gatepost.rest.entra.authorization_codes import Authorization, AuthorizationCodes
from gatepost.rest.entra.errors import (
    CODE_FOR_ANOTHER_URI,
    CODE_INVALID,
    CODE_NEEDS_CREDENTIAL,
    VERIFIER_WRONG,
    EntraError,
)
from gatepost.rest.entra.grant import find_application, proven_application
from gatepost.rest.entra.token_request import Form
from gatepost.rest.site import Site

CODE_GRANT: Final = "authorization_code"
_GRAPH: Final = "00000003-0000-0000-c000-000000000000"
_BEFORE: Final = 300
"""Seconds by which Entra sets the start of a token back, for clients whose clock is slow."""


def redeem_code(
    site: Site, authority: Authority, form: Form, codes: AuthorizationCodes
) -> dict[str, Any]:
    """Return the response to a token request with a code. Raises EntraError.

    The application authenticates if it has registered redirect URIs; otherwise it need not, like a
    native one.
    """
    tenant = tenant_of(authority)
    has_credential = bool({"client_secret", "client_assertion"} & form.keys())
    if has_credential:
        application = proven_application(site, authority, tenant, form)
    else:
        application = find_application(site, form.need("client_id"), tenant)
    code, redirect_uri = form.need("code"), form.need("redirect_uri")
    if application.redirect_uris and not has_credential:
        raise EntraError(CODE_NEEDS_CREDENTIAL, "credential_missing: neither secret nor assertion")
    authorization = codes.redeem(code)
    if (authorization.client_id, authorization.tenant_id) != (application.id, tenant.id):
        raise EntraError(CODE_INVALID, "code_of_another: the code is of another application")
    if redirect_uri != authorization.redirect_uri:
        raise EntraError(
            CODE_FOR_ANOTHER_URI, "redirect_unknown: the redirect URI is not that of the code",
            uri=redirect_uri, requested=authorization.redirect_uri,
        )  # fmt: skip
    if not _is_verifier(form.get("code_verifier", ""), authorization.challenge):
        raise EntraError(VERIFIER_WRONG, "verifier_wrong: the verifier is not that of the code")
    site.report("token_issued", application=application.id, resource="a person's sign-in")
    return _response(site, authority, tenant, authorization)


def _is_verifier(verifier: str, challenge: str) -> bool:
    """Tell whether a verifier belongs to a challenge; without a challenge, there is none."""
    if not challenge or not verifier:
        return not challenge and not verifier
    digest = hashlib.sha256(verifier.encode("utf-8", "surrogatepass")).digest()
    own = base64.urlsafe_b64encode(digest).rstrip(b"=")
    return hmac.compare_digest(own, challenge.encode("utf-8", "surrogatepass"))


def _response(
    site: Site, authority: Authority, tenant: Tenant, authorization: Authorization
) -> dict[str, Any]:
    seconds, person = int(LIFETIME.total_seconds()), authorization.person
    start = int(site.clients_time().timestamp()) - _BEFORE
    common = {
        "iat": start,
        "nbf": start,
        "exp": start + _BEFORE + seconds,
        "oid": person.id,
        "tid": tenant.id,
        "name": person.display_name,
        "uti": new_guid(),
    }
    access_token = {
        **common,
        "aud": _GRAPH,
        "iss": authority.issuer,
        "appid": authorization.client_id,
        "scp": " ".join(authorization.scopes),
        "sub": person.id,
        "upn": person.name,
        "ver": "1.0",
    }
    id_token = {
        **common,
        "aud": authorization.client_id,
        "iss": authority.url("v2.0"),
        "sub": uuid.uuid5(uuid.UUID(person.id), authorization.client_id).hex,
        "preferred_username": person.name,
        "ver": "2.0",
        **({"nonce": authorization.nonce} if authorization.nonce else {}),
        **({"roles": list(person.roles)} if person.roles else {}),
        **({"groups": list(person.groups)} if person.groups else {}),
    }
    response = {
        "token_type": "Bearer",
        "scope": " ".join(authorization.scopes),
        "expires_in": seconds,
        "ext_expires_in": seconds,
        "access_token": site.tokens.sign(access_token).reveal(),
    }
    if "openid" in authorization.scopes:
        response["id_token"] = site.tokens.sign(id_token).reveal()
    return response
