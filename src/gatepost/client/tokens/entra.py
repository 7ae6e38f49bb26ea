"""Microsoft Entra: an application proves itself by a secret or by a certificate.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
https://learn.microsoft.com/entra/identity-platform/certificate-credentials
"""

import asyncio
import base64
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from gatepost.client.tokens.contract import AccessToken
from gatepost.client.tokens.token_requests import ask_for_token
from gatepost.errors import TokenError
from gatepost.model.secret import Secret
from gatepost.net.http_client import Http

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

AUTHORITY: Final = "https://login.microsoftonline.com"
GRANT: Final = "client_credentials"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFETIME: Final = 600
"""Seconds."""


@dataclass(frozen=True, slots=True)
class EntraApplication:
    """An application, its tenant and its cloud."""

    tenant: str
    client_id: str
    authority: str = AUTHORITY
    credential: str = ""
    """The name of the secret or certificate in the configuration, which distinguishes two of one
    application."""

    @property
    def token_endpoint(self) -> str:
        """The URL for token requests."""
        return f"{self.authority.rstrip('/')}/{quote(self.tenant, safe='')}/oauth2/v2.0/token"

    def __str__(self) -> str:
        cloud = f" at {self.authority}" if self.authority != AUTHORITY else ""
        return f"application {self.client_id} of tenant {self.tenant}{cloud}"


class _ProvenApplication(ABC):
    """Fetches tokens with the proof of an application."""

    def __init__(self, http: Http, application: EntraApplication) -> None:
        self._http, self._application = http, application

    @abstractmethod
    async def proof(self) -> Mapping[str, str]:
        """Return the fields of a token request that authenticate the application."""

    async def fetch(self, scope: str) -> AccessToken:
        form = {
            "client_id": self._application.client_id,
            "grant_type": GRANT,
            **await self.proof(),
            "scope": scope,
        }
        token, _ = await ask_for_token(self._http, self._application.token_endpoint, form)
        return token


class EntraSecret(_ProvenApplication):
    """A TokenSource: the application sends a client secret (its Value, not its ID)."""

    def __init__(
        self, http: Http, application: EntraApplication, secret: Callable[[], Secret]
    ) -> None:
        """``secret`` reads it; it raises ConfigError."""
        super().__init__(http, application)
        self._secret = secret

    @property
    def identity(self) -> str:
        return f"{self._application} by secret {self._application.credential}".rstrip()

    async def proof(self) -> Mapping[str, str]:
        return {"client_secret": self._secret().reveal()}


class EntraCertificate(_ProvenApplication):
    """A TokenSource: the application signs with the key of a certificate (private_key_jwt)."""

    def __init__(
        self,
        http: Http,
        application: EntraApplication,
        pem: Callable[[], Secret],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``pem`` reads key and certificate, in any order; ``clock`` returns the wall time in s."""
        super().__init__(http, application)
        self._pem, self._clock = pem, clock

    @property
    def identity(self) -> str:
        return f"{self._application} by certificate {self._application.credential}".rstrip()

    async def proof(self) -> Mapping[str, str]:
        assertion = await asyncio.to_thread(
            sign_assertion, self._application, self._pem(), self._clock()
        )
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}


def sign_assertion(application: EntraApplication, pem: Secret, now: float) -> str:
    """Return the assertion that authenticates an application (RFC 7523 3). Raises TokenError."""
    import jwt  # noqa: PLC0415 - slow to import, and most identities need none

    key, thumbprint = read_certificate(pem)
    claims = {
        "aud": application.token_endpoint,
        "iss": application.client_id,
        "sub": application.client_id,
        "jti": str(uuid.uuid4()),
        "nbf": int(now),
        "iat": int(now),
        "exp": int(now) + ASSERTION_LIFETIME,
    }
    return jwt.encode(claims, key, "PS256", {"x5t#S256": thumbprint})


def read_certificate(pem: Secret) -> "tuple[RSAPrivateKey, str]":
    """Return the key of a certificate file, and the certificate's thumbprint. Raises TokenError."""
    from cryptography import x509  # noqa: PLC0415 - slow to import, and most identities need none
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    octets = pem.reveal().encode("utf-8", "surrogateescape")
    try:
        key = load_pem_private_key(octets, None)
        certificates = x509.load_pem_x509_certificates(octets)
    except (ValueError, TypeError) as error:
        raise _unusable("it contains no unencrypted PEM key, or no certificate") from error
    if not isinstance(key, RSAPrivateKey):
        raise _unusable("Entra accepts only RSA keys")
    own = next((each for each in certificates if each.public_key() == key.public_key()), None)
    if own is None:
        raise _unusable("none of its certificates matches the key")
    return key, base64.urlsafe_b64encode(own.fingerprint(hashes.SHA256())).rstrip(b"=").decode()


def _unusable(why: str) -> TokenError:
    return TokenError(f"the certificate file cannot be used: {why}", is_transient=False)
