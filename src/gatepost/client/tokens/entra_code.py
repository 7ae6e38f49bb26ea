"""Microsoft Entra: the authorization code of a person's sign-in becomes an ID token.

RFC 6749 4.1.3, RFC 7636 4.5, OpenID Connect Core 1.0 3.1.3;
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
"""

from collections.abc import Mapping
from typing import Final, Protocol

from gatepost.client.tokens.token_requests import ask_for_token, bearer
from gatepost.model.secret import Secret
from gatepost.net.http_client import Http

SCOPE: Final = "openid profile"


class ApplicationProof(Protocol):
    """Authenticates an application, as ``EntraSecret`` and ``EntraCertificate`` do."""

    async def proof(self) -> Mapping[str, str]:
        """Return the fields of a token request. Raises ConfigError and TokenError."""


class CodeExchange:
    """Exchanges codes for one application; without ``proof`` it is a public client."""

    def __init__(self, http: Http, client_id: str, proof: ApplicationProof | None) -> None:
        self._http, self._client_id, self._proof = http, client_id, proof

    async def exchange(self, endpoint: str, code: str, redirect_uri: str, verifier: str) -> Secret:
        """Return the ID token, unverified. Raises ConfigError, NoDescriptor and TokenError."""
        form = {
            "client_id": self._client_id,
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
            "scope": SCOPE,
            **(await self._proof.proof() if self._proof is not None else {}),
        }
        _, document = await ask_for_token(self._http, endpoint, form)
        return Secret(bearer(document.get("id_token")))
