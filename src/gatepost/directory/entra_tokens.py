"""Access tokens of real Entra tenants, verified with the keys that each tenant publishes.

What is checked, and why: https://learn.microsoft.com/entra/identity-platform/access-tokens
("Validate tokens", 2025). Keys can be replaced at any time, so keys are fetched again for an
unknown one, but at most every five minutes; while the endpoint is unavailable, the known keys
count.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import jwt
from jwt.types import Options

from gatepost.directory.azure.tokens import MAX_TOKEN, RESOURCES, resource_name

KEYS_HOLD: Final = 6 * 3_600.0
"""Seconds after which a tenant's keys are fetched again."""
KEYS_REST: Final = 300.0
"""Minimum seconds between two requests for one tenant's keys."""
KEYS_RETRY: Final = 10.0
"""The same, after a request without an answer."""
SKEW: Final = 300.0
"""Seconds by which a clock may be behind the issuer's."""
MOST_KEPT: Final = 10_000
"""Verified tokens that are remembered, by a digest, until they expire."""
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


class KeyFetcher(Protocol):
    """Fetches a tenant's discovery documents and keys."""

    async def __call__(self, tenant_id: str) -> TokenIssuer | str:
        """Return them, or why they are not available. Takes its deadline at most."""


@dataclass(frozen=True, slots=True)
class TokenContents:
    """The contents of a valid token."""

    tenant_id: str
    application_id: str
    until: float
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Faulty:
    """Why a token is refused: a slug and a sentence for the operator, without the token."""

    slug: str
    sentence: str
    is_transient: bool = False

    def __str__(self) -> str:
        return f"{self.slug}: {self.sentence}"


@dataclass(slots=True)
class _TenantKeys:
    issuer: TokenIssuer | None = None
    asked_at: float = float("-inf")
    trouble: str = ""

    def wants(self, key_id: str, now: float) -> bool:
        """Tell whether the tenant should be asked, and may be."""
        age = now - self.asked_at
        if 0 <= age < (KEYS_RETRY if self.trouble else KEYS_REST):
            return False
        return self.issuer is None or key_id not in self.issuer.keys or age >= KEYS_HOLD

    def take(self, answer: TokenIssuer | str, now: float) -> None:
        """Note what was answered."""
        self.asked_at = now
        if isinstance(answer, TokenIssuer):
            self.issuer, self.trouble = answer, ""
        else:
            self.trouble = answer


class EntraTokens:
    """Verifies tokens of ``tenants`` for ``audiences`` (lower case, without a slash at the end).

    ``clock`` returns seconds since 1970.
    """

    def __init__(
        self,
        published: KeyFetcher,
        tenants: frozenset[str],
        audiences: frozenset[str],
        clock: Callable[[], float],
    ) -> None:
        self._published, self._clock = published, clock
        self._tenants, self._audiences = tenants, audiences
        self._by_tenant: dict[str, _TenantKeys] = {each: _TenantKeys() for each in tenants}
        self._asking: dict[str, asyncio.Lock] = {each: asyncio.Lock() for each in tenants}
        self._verified: OrderedDict[bytes, TokenContents] = OrderedDict()

    async def verify(self, token: str) -> TokenContents | Faulty:
        """Return a token's contents after verification, or what is wrong with it."""
        if len(token) > MAX_TOKEN:
            return Faulty("token_malformed", f"the token is longer than {MAX_TOKEN} characters")
        digest = hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=32).digest()
        contents = self._verified.get(digest)
        if contents is not None:
            return contents if self._clock() < contents.until else _ended()
        try:
            header = jwt.get_unverified_header(token)
            claims = jwt.decode(token, options=_READING)
        except (jwt.InvalidTokenError, RecursionError):
            return Faulty(
                "token_malformed", "that is not a token: a token has three parts separated by dots"
            )
        fault = self._fault_in(claims)
        if fault is not None:
            return fault
        fault = await self._signed(token, header, claims)
        if fault is not None:
            return fault
        contents = TokenContents(claims["tid"].lower(), _application(claims), float(claims["exp"]))
        self._verified[digest] = contents
        if len(self._verified) > MOST_KEPT:
            self._verified.popitem(last=False)
        return contents

    def _fault_in(self, claims: Mapping[str, Any]) -> Faulty | None:
        """Check a token's claims, before keys are fetched."""
        tenant, audience = claims.get("tid"), claims.get("aud")
        if not isinstance(tenant, str) or tenant.lower() not in self._tenants:
            return Faulty("tenant_unknown", "the configuration does not name the token's tenant")
        if not _application(claims):
            return Faulty("token_malformed", "the token names no application")
        if "scp" in claims:
            return Faulty(
                "token_delegated", "the token is a person's; applications need one of their own"
            )
        if not isinstance(audience, str) or audience.removesuffix("/").lower() not in (
            self._audiences
        ):
            name = resource_name(audience) if isinstance(audience, str) else ""
            return Faulty("token_audience_wrong", f"the token is for {name or 'another resource'}")
        return self._untimely(claims)

    def _untimely(self, claims: Mapping[str, Any]) -> Faulty | None:
        now, end, start = self._clock(), claims.get("exp"), claims.get("nbf", 0)
        if not isinstance(end, int | float) or not isinstance(start, int | float):
            return Faulty("token_malformed", "the token has no time of expiry")
        if now >= end:
            return _ended()
        if now + SKEW < start:
            return Faulty(
                "token_not_yet_valid", "the token is not valid yet; are the clocks right?"
            )
        return None

    async def _signed(
        self, token: str, header: Mapping[str, Any], claims: Mapping[str, Any]
    ) -> Faulty | None:
        if header.get("alg") != _ALGORITHM:
            return Faulty("token_signature", "the token is not signed with RS256")
        key_id, tenant = str(header.get("kid", "")), str(claims["tid"]).lower()
        issuer = await self._issuer(tenant, key_id)
        if isinstance(issuer, Faulty):
            return issuer
        key = issuer.keys.get(key_id)
        if key is None:
            return Faulty("token_signature", "the tenant publishes no such key")
        try:
            jwt.decode(token, key, algorithms=[_ALGORITHM], options=_CHECKING)
        except (jwt.InvalidTokenError, ValueError):
            return Faulty("token_signature", "the token was changed, or its signature was")
        if claims.get("iss") not in issuer.names:
            return Faulty("token_issuer_wrong", "the tenant did not issue the token")
        return None

    async def _issuer(self, tenant: str, key_id: str) -> TokenIssuer | Faulty:
        """Return what a tenant publishes, fetched again for an unknown key, or after KEYS_HOLD."""
        keys = self._by_tenant[tenant]
        if keys.wants(key_id, self._clock()):
            async with self._asking[tenant]:  # other callers wait for the same request
                if keys.wants(key_id, self._clock()):
                    keys.take(await self._published(tenant), self._clock())
        if keys.issuer is None:
            return Faulty("entra_unavailable", keys.trouble, is_transient=True)
        return keys.issuer


def audiences_of(resource: str) -> frozenset[str]:
    """Return all identifiers of a resource, given one of them or one of its scopes."""
    folded = resource.removesuffix("/.default").removesuffix("/").lower()
    return next((ids for ids in RESOURCES.values() if folded in ids), frozenset({folded}))


def read_issuer(discovered: Sequence[Mapping[str, Any]], key_set: Mapping[str, Any]) -> TokenIssuer:
    """Return the contents of discovery documents and a key set (RFC 7517 5). Raises ValueError."""
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
    return TokenIssuer(frozenset(map(str, names)), keys)


def _application(claims: Mapping[str, Any]) -> str:
    """Return the client id: ``appid`` in tokens of version 1.0, ``azp`` in those of 2.0."""
    application = claims.get("appid", claims.get("azp"))
    return application.lower() if isinstance(application, str) else ""


def _ended() -> Faulty:
    return Faulty("token_expired", "the token has expired")
