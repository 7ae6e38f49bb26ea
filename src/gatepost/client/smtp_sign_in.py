"""Identities of a relay at upstream servers, and their credentials."""

from collections.abc import Callable
from typing import Protocol

from gatepost.client.tokens.contract import TokenSource, unreadable
from gatepost.client.tokens.renewing_cache import TokenCache
from gatepost.errors import ConfigError
from gatepost.model.credentials import Credentials
from gatepost.model.secret import Secret


class CredentialSource(Protocol):
    """One credential of the configuration."""

    @property
    def identity(self) -> str:
        """The name of the identity, for the operator; equal for equal identities."""

    @property
    def certificate(self) -> str | None:
        """The PEM file of a client certificate; None: none."""

    @property
    def key(self) -> str | None:
        """File of the certificate's key, if it is in another file."""

    async def credentials(self) -> Credentials:
        """Return the current credentials. Raises TokenError, also for a missing secret."""

    def try_replace(self, credentials: Credentials, /) -> bool:
        """Report that these credentials were refused; True: try again with others."""


class PasswordSignIn:
    """A user name and a password, which is read at each use."""

    certificate = None
    key = None

    def __init__(self, username: str, password: Callable[[], Secret]) -> None:
        """``password`` raises ConfigError."""
        self.identity, self._password = username, password

    async def credentials(self) -> Credentials:
        try:
            return Credentials(self.identity, self._password())
        except ConfigError as error:
            raise unreadable(f"no password: {error}") from error

    def try_replace(self, credentials: Credentials) -> bool:
        """Return True if the password was changed meanwhile."""
        try:
            return self._password() != credentials.password
        except ConfigError:
            return False


class TokenSignIn:
    """A user name and an access token (XOAUTH2, OAUTHBEARER)."""

    certificate = None
    key = None

    def __init__(
        self, username: str, cache: TokenCache, source: TokenSource, scope: str = ""
    ) -> None:
        self.identity = username
        self._source, self._cache, self._scope = source, cache, scope

    async def credentials(self) -> Credentials:
        token = await self._cache.get(self._source, self._scope)
        return Credentials(self.identity, token=token)

    def try_replace(self, credentials: Credentials) -> bool:
        token = credentials.token
        return token is not None and self._cache.try_replace(self._source, self._scope, token)


class CertificateSignIn:
    """A TLS client certificate (EXTERNAL, RFC 4422 A), and an authorization identity, if any."""

    def __init__(self, certificate: str, key: str | None = None, username: str = "") -> None:
        self.certificate: str | None = certificate
        self.key = key
        self._username = username

    @property
    def identity(self) -> str:
        return self._username or f"certificate {self.certificate}"

    async def credentials(self) -> Credentials:
        return Credentials(certificate=True, authzid=self._username)

    def try_replace(self, _credentials: Credentials) -> bool:
        return False
