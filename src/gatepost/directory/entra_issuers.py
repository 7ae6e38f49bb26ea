"""The keys with which real Entra tenants sign tokens, and the endpoints that they publish.

Keys can be replaced at any time, so keys are fetched again for an unknown one, but at most every
five minutes; while the authority is unavailable, the known keys count
(https://learn.microsoft.com/entra/identity-platform/access-tokens, "Validate tokens", 2025).
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

import jwt
from jwt.types import Options

KEYS_HOLD: Final = 6 * 3_600.0
"""Seconds after which a tenant's keys are fetched again."""
KEYS_REST: Final = 300.0
"""Minimum seconds between two requests for one tenant's keys."""
KEYS_RETRY: Final = 10.0
"""The same, after a request without an answer."""
SKEW: Final = 300.0
"""Seconds by which a clock may be behind the issuer's."""
_ALGORITHM: Final = "RS256"
_READING: Final[Options] = {"verify_signature": False, "verify_exp": False, "verify_aud": False}
_CHECKING: Final[Options] = {
    "verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False,
    "verify_iss": False,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """What a tenant publishes: its issuer names, and its keys by id."""

    names: frozenset[str]
    keys: Mapping[str, Any]
    name: str = ""
    """The issuer of ID tokens: that of version 2.0."""
    authorization_endpoint: str = ""
    """Where people sign in."""
    token_endpoint: str = ""


class KeyFetcher(Protocol):
    """Fetches a tenant's discovery documents and keys."""

    async def __call__(self, tenant_id: str) -> TokenIssuer | str:
        """Return them, or why they are not available. Takes its deadline at most."""


@dataclass(frozen=True, slots=True)
class Faulty:
    """Why a token is refused: a slug and a sentence for the operator, without the token."""

    slug: str
    sentence: str
    is_transient: bool = False

    def __str__(self) -> str:
        return f"{self.slug}: {self.sentence}"


class UnverifiedToken(NamedTuple):
    """The parts of a token before its signature was checked."""

    text: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def read_unverified(token: str, longest: int) -> UnverifiedToken | Faulty:
    """Return the parts of a token of at most ``longest`` characters."""
    if len(token) > longest:
        return Faulty("token_malformed", f"the token is longer than {longest} characters")
    try:
        header = jwt.get_unverified_header(token)
        return UnverifiedToken(token, header, jwt.decode(token, options=_READING))
    except (jwt.InvalidTokenError, RecursionError):
        return Faulty(
            "token_malformed", "that is not a token: a token has three parts separated by dots"
        )


def find_untimely(claims: Mapping[str, Any], now: float) -> Faulty | None:
    """Return why a token is not valid at ``now``, in seconds since 1970; None if it is."""
    end, start = claims.get("exp"), claims.get("nbf", 0)
    if not isinstance(end, int | float) or not isinstance(start, int | float):
        return Faulty("token_malformed", "the token has no time of expiry")
    if now >= end:
        return expired()
    if now + SKEW < start:
        return Faulty("token_not_yet_valid", "the token is not valid yet; are the clocks right?")
    return None


def expired() -> Faulty:
    """Return the fault of a token whose time is over."""
    return Faulty("token_expired", "the token has expired")


@dataclass(slots=True)
class _TenantKeys:
    issuer: TokenIssuer | None = None
    asked_at: float = float("-inf")
    trouble: str = ""

    def wants(self, key_id: str | None, now: float) -> bool:
        """Tell whether the tenant should be asked, and may be."""
        age = now - self.asked_at
        if 0 <= age < (KEYS_RETRY if self.trouble else KEYS_REST):
            return False
        if self.issuer is None or age >= KEYS_HOLD:
            return True
        return key_id is not None and key_id not in self.issuer.keys

    def take(self, answer: TokenIssuer | str, now: float) -> None:
        """Note what was answered."""
        self.asked_at = now
        if isinstance(answer, TokenIssuer):
            self.issuer, self.trouble = answer, ""
        else:
            self.trouble = answer


class TenantIssuers:
    """What ``tenants`` publish; ``clock`` returns seconds since 1970."""

    def __init__(
        self, published: KeyFetcher, tenants: frozenset[str], clock: Callable[[], float]
    ) -> None:
        self._published, self._clock = published, clock
        self._by_tenant: dict[str, _TenantKeys] = {each: _TenantKeys() for each in tenants}
        self._asking: dict[str, asyncio.Lock] = {each: asyncio.Lock() for each in tenants}

    async def check_signature(self, token: UnverifiedToken, tenant: str) -> TokenIssuer | Faulty:
        """Return the tenant's issuer if one of its keys signed the token."""
        if token.header.get("alg") != _ALGORITHM:
            return Faulty("token_signature", "the token is not signed with RS256")
        key_id = str(token.header.get("kid", ""))
        issuer = await self.of(tenant, key_id)
        if isinstance(issuer, Faulty):
            return issuer
        key = issuer.keys.get(key_id)
        if key is None:
            return Faulty("token_signature", "the tenant publishes no such key")
        try:
            jwt.decode(token.text, key, algorithms=[_ALGORITHM], options=_CHECKING)
        except (jwt.InvalidTokenError, ValueError):
            return Faulty("token_signature", "the token was changed, or its signature was")
        return issuer

    async def of(self, tenant: str, key_id: str | None = None) -> TokenIssuer | Faulty:
        """Return what a tenant publishes, fetched again for an unknown key, or after KEYS_HOLD."""
        keys = self._by_tenant[tenant]
        if keys.wants(key_id, self._clock()):
            async with self._asking[tenant]:  # other callers wait for the same request
                if keys.wants(key_id, self._clock()):
                    keys.take(await self._published(tenant), self._clock())
        if keys.issuer is None:
            return Faulty("entra_unavailable", keys.trouble, is_transient=True)
        return keys.issuer


def read_issuer(discovered: Sequence[Mapping[str, Any]], key_set: Mapping[str, Any]) -> TokenIssuer:
    """Return the contents of discovery documents, that of version 2.0 first, and of a key set (RFC
    7517 5). Raises ValueError."""
    names = {each.get("issuer") for each in discovered}
    if not names or not all(isinstance(each, str) and each for each in names):
        raise ValueError("a discovery document names no issuer")
    keys: dict[str, Any] = {}
    published = key_set.get("keys")
    for each in published if isinstance(published, list) else ():
        if not isinstance(each, dict) or each.get("kty") != "RSA":
            continue
        try:
            keys[str(each["kid"])] = jwt.PyJWK(each, algorithm=_ALGORITHM).key
        except (jwt.PyJWTError, KeyError, TypeError) as error:
            raise ValueError("a published key cannot be read") from error
    if not keys:
        raise ValueError("the tenant publishes no RSA key")
    first = discovered[0]
    endpoints = [str(first.get(each, "")) for each in ("authorization_endpoint", "token_endpoint")]
    return TokenIssuer(frozenset(map(str, names)), keys, str(first["issuer"]), *endpoints)
