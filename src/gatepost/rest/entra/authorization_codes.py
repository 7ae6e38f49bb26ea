"""Authorization codes: each is for one use within minutes (RFC 6749 4.1.2)."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gatepost.rest.entra.errors import CODE_EXPIRED, CODE_INVALID, CODE_USED, EntraError
from gatepost.rest.entra.people import EmulatedPerson

LIFETIME: Final = 600.0
"""Seconds."""
_MOST: Final = 1_000


@dataclass(frozen=True, slots=True)
class Authorization:
    """What a person has allowed an application."""

    tenant_id: str
    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    person: EmulatedPerson
    nonce: str = ""
    challenge: str = ""
    """Of PKCE with S256; empty: none was sent."""


class AuthorizationCodes:
    """The codes that have not expired; ``seconds`` is a clock."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._codes: dict[bytes, tuple[Authorization | None, float]] = {}
        """By the digest of the code; None: it was used."""

    def issue(self, authorization: Authorization) -> str:
        """Return a new code; beyond a number, the oldest become invalid."""
        code = secrets.token_urlsafe(64)
        self._codes[_digest(code)] = authorization, self._seconds() + LIFETIME
        while len(self._codes) > _MOST:
            del self._codes[next(iter(self._codes))]
        return code

    def redeem(self, code: str) -> Authorization:
        """Return what a code stands for, once. Raises EntraError."""
        key = _digest(code)
        authorization, end = self._codes.get(key, (None, None))
        if end is None:
            raise EntraError(CODE_INVALID, "code_unknown: no such authorization code was issued")
        if self._seconds() >= end:
            raise EntraError(CODE_EXPIRED, "code_expired: the authorization code has expired")
        if authorization is None:
            raise EntraError(CODE_USED, "code_used: the authorization code was used already")
        self._codes[key] = None, end
        return authorization


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).digest()
