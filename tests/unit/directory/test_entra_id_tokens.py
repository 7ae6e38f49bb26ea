"""ID tokens of people: which are accepted, and what they say."""

import asyncio
from typing import Any

import jwt
import pytest

from gatepost.directory.entra_id_tokens import LONGEST, EntraPerson, IdTokens
from gatepost.directory.entra_issuers import Faulty, TenantIssuers, TokenIssuer
from tests.unit.directory.test_entra_tokens import APPLICATION, KEYS, NOW, OTHER, TENANT, V1, V2

NONCE = "n-1"
GROUP = "99999999-0000-4000-8000-000000000001"


async def publish(_tenant: str) -> TokenIssuer | str:
    keys = {"one": KEYS["one"].public_key()}
    return TokenIssuer(frozenset({V1, V2}), keys, V2, f"{V2}/authorize", f"{V2}/token")


async def publish_nothing(_tenant: str) -> TokenIssuer | str:
    return "the tenant's keys cannot be fetched"


def token(key: str = "one", kid: str = "", algorithm: str = "RS256", **changes: Any) -> str:
    claims = {
        "aud": APPLICATION, "iss": V2, "tid": TENANT, "oid": "o-1", "sub": "s-1", "nonce": NONCE,
        "nbf": NOW - 300, "iat": NOW - 300, "exp": NOW + 3600, "preferred_username": "ann@a.test",
        **changes,
    }  # fmt: skip
    claims = {name: value for name, value in claims.items() if value is not None}
    secret: Any = KEYS[key] if algorithm == "RS256" else "x" * 32 if algorithm != "none" else None
    return jwt.encode(claims, secret, algorithm, {"kid": kid or key})


def verify(text: str, publisher: Any = publish) -> EntraPerson | Faulty:
    issuers = TenantIssuers(publisher, frozenset({TENANT}), lambda: NOW)
    tokens = IdTokens(issuers, TENANT, APPLICATION, lambda: NOW)
    return asyncio.run(tokens.verify(text, NONCE))


# fmt: off
PEOPLE = [
    ({},                                             EntraPerson("o-1", "ann@a.test", frozenset())),
    ({"roles": ["Admin", "x"], "groups": [GROUP.upper()]},
                               EntraPerson("o-1", "ann@a.test", frozenset({"admin", "x", GROUP}))),
    ({"roles": "admin", "groups": ["admins", 7]},    EntraPerson("o-1", "ann@a.test", frozenset())),
    ({"oid": None, "preferred_username": None},      EntraPerson("s-1", "s-1", frozenset())),
    ({"preferred_username": "a\r\nb\u202e"},         EntraPerson("o-1", "ab", frozenset())),
    ({"_claim_names": {"groups": "src1"}},     EntraPerson("o-1", "ann@a.test", frozenset(), True)),
    ({"hasgroups": "true"},                    EntraPerson("o-1", "ann@a.test", frozenset(), True)),
    ({"azp": APPLICATION},                           EntraPerson("o-1", "ann@a.test", frozenset())),
]
FAULTS = [
    ("abc",                                          "token_malformed"),
    ("x" * (LONGEST + 1),                            "token_malformed"),
    (token(algorithm="HS256"),                       "token_signature"),
    (token(algorithm="none"),                        "token_signature"),
    (token("foreign"),                               "token_signature"),
    (token("foreign", kid="one"),                    "token_signature"),
    (token(iss=V1),                                  "token_issuer_wrong"),
    (token(iss=V2.replace(TENANT, OTHER)),           "token_issuer_wrong"),
    (token(tid=OTHER),                               "token_issuer_wrong"),
    (token(tid=None),                                "token_issuer_wrong"),
    (token(aud=OTHER),                               "token_audience_wrong"),
    (token(aud=[APPLICATION, OTHER]),                "token_audience_wrong"),
    (token(azp=OTHER),                               "token_audience_wrong"),
    (token(exp=NOW),                                 "token_expired"),
    (token(exp=None),                                "token_malformed"),
    (token(nbf=NOW + 301),                           "token_not_yet_valid"),
    (token(nonce="n-2"),                             "token_nonce_wrong"),
    (token(nonce="é"),                               "token_nonce_wrong"),
    (token(nonce=None),                              "token_nonce_wrong"),
    (token(oid=None, sub=None),                      "token_malformed"),
]
# fmt: on


@pytest.mark.parametrize(("changes", "person"), PEOPLE)
def test_a_person(changes: dict[str, Any], person: EntraPerson) -> None:
    assert verify(token(**changes)) == person


@pytest.mark.parametrize(("text", "slug"), FAULTS)
def test_a_token_is_refused(text: str, slug: str) -> None:
    fault = verify(text)
    assert isinstance(fault, Faulty), fault
    assert fault.slug == slug


def test_without_keys_nothing_is_decided() -> None:
    fault = verify(token(), publish_nothing)
    assert isinstance(fault, Faulty)
    assert fault.is_transient
