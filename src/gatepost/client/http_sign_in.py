"""Authentication of a relay at an HTTP API: a bearer token, or a signature by an access key.

Signature: Microsoft Learn, "Sign an HTTP request" (Azure Communication Services), as in the SDKs
for Python and JavaScript.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final, Protocol
from urllib.parse import urlsplit

from gatepost.client.tokens.contract import TokenSource, unreadable
from gatepost.client.tokens.renewing_cache import TokenCache
from gatepost.errors import ConfigError, TokenError
from gatepost.model.secret import Secret
from gatepost.net.http_client import HttpRequest

_BEARER: Final = "Bearer "
_SCHEME: Final = "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="


class HttpSignIn(Protocol):
    """One credential of the configuration, for HTTP."""

    @property
    def identity(self) -> str:
        """The name of the identity, for the operator."""

    async def authorize(self, request: HttpRequest) -> HttpRequest:
        """Return the request with its proof. Raises TokenError."""

    def try_replace(self, request: HttpRequest, /) -> bool:
        """Report that the proof in ``request`` was refused; True: try again with another one."""


class BearerSignIn:
    """An access token in the Authorization field (RFC 6750 2.1)."""

    def __init__(self, cache: TokenCache, source: TokenSource, scope: str) -> None:
        self._cache, self._source, self._scope = cache, source, scope

    @property
    def identity(self) -> str:
        return self._source.identity

    async def authorize(self, request: HttpRequest) -> HttpRequest:
        token = await self._cache.get(self._source, self._scope)
        field = {"authorization": _BEARER + token.reveal()}
        return replace(request, headers={**request.headers, **field})

    def try_replace(self, request: HttpRequest) -> bool:
        token = Secret(request.headers["authorization"].removeprefix(_BEARER))
        return self._cache.try_replace(self._source, self._scope, token)


class AccessKeySignIn:
    """The access key of a Communication Services resource; it is never sent."""

    def __init__(
        self,
        identity: str,
        key: Callable[[], Secret],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``key`` reads it, in Base64 as in the portal; it raises ConfigError."""
        self.identity, self._key, self._now = identity, key, now

    async def authorize(self, request: HttpRequest) -> HttpRequest:
        try:
            key = read_access_key(self._key())
        except ConfigError as error:
            raise unreadable(f"no access key: {error}") from error
        parts = urlsplit(request.url)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        date = format_datetime(self._now().astimezone(UTC), usegmt=True)
        digest = base64.b64encode(hashlib.sha256(request.body).digest()).decode()
        text = f"{request.method}\n{target}\n{date};{parts.netloc};{digest}"
        signature = base64.b64encode(hmac.digest(key, text.encode(), "sha256")).decode()
        fields = {
            "x-ms-date": date,
            "x-ms-content-sha256": digest,
            "authorization": _SCHEME + signature,
        }
        return replace(request, headers={**request.headers, **fields})

    def try_replace(self, _request: HttpRequest) -> bool:
        return False


def read_access_key(text: Secret) -> bytes:
    """Return the octets of a key in Base64. Raises TokenError."""
    try:
        return base64.b64decode(text.reveal().strip(), validate=True)
    except (binascii.Error, ValueError):
        raise TokenError("the access key is not Base64", is_transient=False) from None
