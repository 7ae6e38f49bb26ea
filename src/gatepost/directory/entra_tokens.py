"""Access tokens of applications of real Entra tenants.

What is checked, and why: https://learn.microsoft.com/entra/identity-platform/access-tokens
("Validate tokens", 2025).
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gatepost.directory.azure.tokens import MAX_TOKEN, RESOURCES, resource_name
from gatepost.directory.entra_issuers import (
    Faulty,
    TenantIssuers,
    expired,
    find_untimely,
    read_unverified,
)

MOST_KEPT: Final = 10_000
"""Verified tokens that are remembered, by a digest, until they expire."""


@dataclass(frozen=True, slots=True)
class TokenContents:
    """The contents of a valid token."""

    tenant_id: str
    application_id: str
    until: float
    """Seconds since 1970."""
    principal_id: str = ""
    """The object id of the application's service principal, to which roles are assigned."""


class EntraTokens:
    """Verifies tokens of ``tenants`` for ``audiences`` (lower case, without a slash at the end).

    ``clock`` returns seconds since 1970.
    """

    def __init__(
        self,
        issuers: TenantIssuers,
        tenants: frozenset[str],
        audiences: frozenset[str],
        clock: Callable[[], float],
    ) -> None:
        self._issuers, self._clock = issuers, clock
        self._tenants, self._audiences = tenants, audiences
        self._verified: OrderedDict[bytes, TokenContents] = OrderedDict()

    async def verify(self, token: str) -> TokenContents | Faulty:
        """Return a token's contents after verification, or what is wrong with it."""
        digest = hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=32).digest()
        contents = self._verified.get(digest)
        if contents is not None:
            return contents if self._clock() < contents.until else expired()
        unverified = read_unverified(token, MAX_TOKEN)
        if isinstance(unverified, Faulty):
            return unverified
        claims = unverified.claims
        fault = self._fault_in(claims)
        if fault is not None:
            return fault
        issuer = await self._issuers.check_signature(unverified, claims["tid"].lower())
        if isinstance(issuer, Faulty):
            return issuer
        if claims.get("iss") not in issuer.names:
            return Faulty("token_issuer_wrong", "the tenant did not issue the token")
        contents = TokenContents(
            claims["tid"].lower(), _application(claims), float(claims["exp"]), _principal(claims)
        )
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
        return find_untimely(claims, self._clock())


def audiences_of(resource: str) -> frozenset[str]:
    """Return all identifiers of a resource, given one of them or one of its scopes."""
    folded = resource.removesuffix("/.default").removesuffix("/").lower()
    return next((ids for ids in RESOURCES.values() if folded in ids), frozenset({folded}))


def _application(claims: Mapping[str, Any]) -> str:
    """Return the client id: ``appid`` in tokens of version 1.0, ``azp`` in those of 2.0."""
    application = claims.get("appid", claims.get("azp"))
    return application.lower() if isinstance(application, str) else ""


def _principal(claims: Mapping[str, Any]) -> str:
    principal = claims.get("oid")
    return principal.lower() if isinstance(principal, str) else ""
