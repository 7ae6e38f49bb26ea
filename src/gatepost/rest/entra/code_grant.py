"""The authorization code grant: a person's code becomes tokens (RFC 6749 4.1.3, RFC 7636 4.6)."""

import base64
import hashlib
import hmac
from typing import Any, Final

from gatepost.rest.entra.authority import Authority, tenant_of
from gatepost.rest.entra.authorization_codes import AuthorizationCodes
from gatepost.rest.entra.delegated import read_scopes
from gatepost.rest.entra.errors import (
    CODE_FOR_ANOTHER_URI,
    CODE_INVALID,
    CODE_NEEDS_CREDENTIAL,
    VERIFIER_WRONG,
    EntraError,
)
from gatepost.rest.entra.person_tokens import SignedIn, client_of, respond
from gatepost.rest.entra.token_request import Form
from gatepost.rest.site import Site

CODE_GRANT: Final = "authorization_code"


def redeem_code(
    site: Site, authority: Authority, form: Form, codes: AuthorizationCodes
) -> dict[str, Any]:
    """Return the response to a token request with a code. Raises EntraError.

    The application authenticates if it has registered redirect URIs; otherwise it need not, like a
    native one.
    """
    tenant = tenant_of(authority)
    has_credential = bool({"client_secret", "client_assertion"} & form.keys())
    application = client_of(site, authority, form)
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
    wanted = read_scopes(authorization.scopes)
    signed_in = SignedIn(tenant, application, authorization.person, wanted, authorization.nonce)
    return respond(site, authority, signed_in)


def _is_verifier(verifier: str, challenge: str) -> bool:
    """Tell whether a verifier belongs to a challenge; without a challenge, there is none."""
    if not challenge or not verifier:
        return not challenge and not verifier
    digest = hashlib.sha256(verifier.encode("utf-8", "surrogatepass")).digest()
    own = base64.urlsafe_b64encode(digest).rstrip(b"=")
    return hmac.compare_digest(own, challenge.encode("utf-8", "surrogatepass"))
