"""ID tokens of people who sign in at an Entra tenant (OpenID Connect Core 1.0, 3.1.3.7).

https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference (2025)
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gatepost.directory.azure.resource_ids import is_guid
from gatepost.directory.entra_issuers import (
    Faulty,
    TenantIssuers,
    find_untimely,
    read_unverified,
)

LONGEST: Final = 65_536
"""Characters of a token: it may name 200 groups."""
_LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class EntraPerson:
    """Who has signed in."""

    id: str
    """The object id in the tenant, which never changes."""
    name: str
    """The name that people know: the user principal name, if the token has it."""
    roles: frozenset[str]
    """App roles by their value, and groups by their object id, in lower case."""
    has_too_many_groups: bool = False
    """The token says only that there are more groups than it may have."""


class IdTokens:
    """Verifies the ID tokens of ``tenant`` for one application."""

    def __init__(
        self, issuers: TenantIssuers, tenant: str, client_id: str, clock: Callable[[], float]
    ) -> None:
        """``clock`` returns seconds since 1970."""
        self._issuers, self._clock = issuers, clock
        self._tenant, self._client_id = tenant, client_id

    async def verify(self, token: str, nonce: str) -> EntraPerson | Faulty:
        """Return whose token it is, or what is wrong with it; ``nonce`` is that of the request."""
        unverified = read_unverified(token, LONGEST)
        if isinstance(unverified, Faulty):
            return unverified
        issuer = await self._issuers.check_signature(unverified, self._tenant)
        if isinstance(issuer, Faulty):
            return issuer
        claims = unverified.claims
        if claims.get("iss") != issuer.name or _text(claims, "tid").lower() != self._tenant:
            return Faulty("token_issuer_wrong", "the tenant did not issue the token")
        fault = self._find_audience_fault(claims) or find_untimely(claims, self._clock())
        if fault is not None:
            return fault
        if not hmac.compare_digest(
            _text(claims, "nonce").encode("utf-8", "surrogatepass"), nonce.encode()
        ):
            return Faulty("token_nonce_wrong", "the token answers another request")
        return _person(claims)

    def _find_audience_fault(self, claims: Mapping[str, Any]) -> Faulty | None:
        """The token must be for this application alone."""
        authorised = claims.get("azp", self._client_id)
        if claims.get("aud") != self._client_id or authorised != self._client_id:
            return Faulty("token_audience_wrong", "the token is for another application")
        return None


def _person(claims: Mapping[str, Any]) -> EntraPerson | Faulty:
    id_ = _text(claims, "oid") or _text(claims, "sub")
    if not id_:
        return Faulty("token_malformed", "the token names nobody")
    name = _text(claims, "preferred_username") or _text(claims, "email") or id_
    shown = "".join(each for each in name if each.isprintable())[:_LONGEST_NAME]
    roles = {each.lower() for each in _texts(claims, "roles")}
    groups = {each.lower() for each in _texts(claims, "groups") if is_guid(each)}
    elsewhere = claims.get("_claim_names")
    has_more = isinstance(elsewhere, dict) and "groups" in elsewhere
    has_more = has_more or claims.get("hasgroups") in (True, "true")
    return EntraPerson(id_, shown or id_, frozenset(roles | groups), has_more)


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""


def _texts(claims: Mapping[str, Any], name: str) -> list[str]:
    value = claims.get(name)
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
