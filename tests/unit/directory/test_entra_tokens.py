"""Tokens of real tenants: which are accepted, and when the keys are fetched."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import jwt
import pytest

from gatepost.directory.azure.username import CompositeName
from gatepost.directory.entra import BY_TOKEN, EntraDirectory, EntraRules, Proof
from gatepost.directory.entra_issuers import (
    KEYS_HOLD,
    KEYS_REST,
    KEYS_RETRY,
    Faulty,
    TenantIssuers,
    TokenIssuer,
    read_issuer,
)
from gatepost.directory.entra_tokens import EntraTokens, TokenContents, audiences_of
from gatepost.model.address import parse_address
from gatepost.model.credentials import Credentials, Principal, Standing
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from tests.rsa_keys import rsa_key

TENANT = "00000000-0000-4000-8000-00000000000a"
APPLICATION = "77777777-0000-4000-8000-000000000001"
OTHER = "77777777-0000-4000-8000-000000000002"
NAME = f"res.{APPLICATION}.{TENANT}"
V1 = f"https://sts.windows.net/{TENANT}/"
V2 = f"https://login.microsoftonline.com/{TENANT}/v2.0"
NOW = 1_800_000_000.0
KEYS = {each: rsa_key(each) for each in ("one", "two", "foreign")}


def token(key: str = "one", kid: str = "", **changes: Any) -> str:
    claims = {
        "aud": "https://communication.azure.com/", "iss": V1, "tid": TENANT, "appid": APPLICATION,
        "nbf": NOW - 300, "exp": NOW + 3600, **changes,
    }  # fmt: skip
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, KEYS[key], "RS256", {"kid": kid or key})


class Tenant:
    """What a tenant publishes, and how often it was asked."""

    def __init__(self) -> None:
        self.now = NOW
        self.published: tuple[str, ...] = ("one",)
        self.trouble = ""
        self.asked = 0

    async def __call__(self, tenant_id: str) -> TokenIssuer | str:
        assert tenant_id == TENANT
        self.asked += 1
        await asyncio.sleep(0)
        if self.trouble:
            return self.trouble
        return TokenIssuer(
            frozenset({V1, V2}), {each: KEYS[each].public_key() for each in self.published}
        )

    def tokens(self) -> EntraTokens:
        audiences = audiences_of("https://communication.azure.com/.default")
        tenants = frozenset({TENANT})
        issuers = TenantIssuers(self, tenants, lambda: self.now)
        return EntraTokens(issuers, tenants, audiences, lambda: self.now)


def run(steps: Callable[[Tenant], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(steps(Tenant()), 60))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"iss": V2, "appid": None, "azp": APPLICATION.upper(), "ver": "2.0"},
        {"aud": "1fd5118e-2576-4263-8130-9503064c837a"},
        {"nbf": NOW + 299},
        {"nbf": None},
    ],
)
def test_a_good_token(changes: dict[str, Any]) -> None:
    async def steps(tenant: Tenant) -> None:
        tokens = tenant.tokens()
        for _ in range(2):
            assert await tokens.verify(token(oid=OTHER.upper(), **changes)) == TokenContents(
                TENANT, APPLICATION, NOW + 3600, OTHER
            )
        assert tenant.asked == 1

    run(steps)


# fmt: off
FAULTS = [
    # what is wrong                                  slug                      the tenant is asked
    ("abc",                                          "token_malformed",        0),
    ("a.b.c",                                        "token_malformed",        0),
    ("x" * 13_000,                                   "token_malformed",        0),
    (token(tid=OTHER),                               "tenant_unknown",         0),
    (token(tid=None),                                "tenant_unknown",         0),
    (token(appid=None),                              "token_malformed",        0),
    (token(scp="SMTP.Send"),                         "token_delegated",        0),
    (token(aud="https://graph.microsoft.com"),       "token_audience_wrong",   0),
    (token(aud=["https://communication.azure.com"]), "token_audience_wrong",   0),
    (token(exp=NOW),                                 "token_expired",          0),
    (token(exp=None),                                "token_malformed",        0),
    (token(nbf=NOW + 301),                           "token_not_yet_valid",    0),
    (token("foreign"),                               "token_signature",        1),
    (token("foreign", kid="one"),                    "token_signature",        1),
    (token(iss="https://sts.windows.net/other/"),    "token_issuer_wrong",     1),
    (jwt.encode({"aud": "https://communication.azure.com", "iss": V1, "tid": TENANT,
                 "appid": APPLICATION, "exp": NOW + 9}, "x" * 32, "HS256", {"kid": "one"}),
                                                     "token_signature",        0),
    (jwt.encode({"aud": "https://communication.azure.com", "iss": V1, "tid": TENANT,
                 "appid": APPLICATION, "exp": NOW + 9}, "", "none"),
                                                     "token_signature",        0),
]
# fmt: on


@pytest.mark.parametrize(("shown", "slug", "asked"), FAULTS, ids=range(len(FAULTS)))
def test_unacceptable_tokens_are_refused(shown: str, slug: str, asked: int) -> None:
    async def steps(tenant: Tenant) -> None:
        verdict = await tenant.tokens().verify(shown)
        assert isinstance(verdict, Faulty)
        assert (verdict.slug, verdict.is_transient) == (slug, False)
        assert shown not in str(verdict)
        assert tenant.asked == asked

    run(steps)


def test_a_token_that_was_good_ends() -> None:
    async def steps(tenant: Tenant) -> None:
        tokens = tenant.tokens()
        assert isinstance(await tokens.verify(token()), TokenContents)
        tenant.now += 3600
        verdict = await tokens.verify(token())
        assert isinstance(verdict, Faulty)
        assert verdict.slug == "token_expired"

    run(steps)


def test_a_key_that_was_rolled_over_is_asked_for_once_in_a_while() -> None:
    async def steps(tenant: Tenant) -> None:
        tokens = tenant.tokens()
        assert isinstance(await tokens.verify(token()), TokenContents)
        tenant.published = ("one", "two")
        for _ in range(3):
            assert isinstance(await tokens.verify(token("two")), Faulty)
        assert tenant.asked == 1
        tenant.now += KEYS_REST
        both = await asyncio.gather(*[tokens.verify(token("two", nbf=0, n=n)) for n in range(20)])
        assert all(isinstance(each, TokenContents) for each in both)
        assert tenant.asked == 2

    run(steps)


def test_known_keys_count_while_the_tenant_cannot_be_asked() -> None:
    async def steps(tenant: Tenant) -> None:
        tokens = tenant.tokens()
        tenant.trouble = "no answer"
        verdict = await tokens.verify(token())
        assert isinstance(verdict, Faulty)
        assert (verdict.slug, verdict.is_transient) == ("entra_unavailable", True)
        await tokens.verify(token())
        assert tenant.asked == 1
        tenant.now, tenant.trouble = tenant.now + KEYS_RETRY, ""
        assert isinstance(await tokens.verify(token()), TokenContents)
        tenant.now, tenant.trouble = tenant.now + KEYS_HOLD, "no answer"
        late: dict[str, Any] = {"nbf": NOW, "exp": tenant.now + 60}
        assert isinstance(await tokens.verify(token(**late)), TokenContents)
        assert tenant.asked == 3

    run(steps)


async def sign_in(directory: EntraDirectory, name: str, shown: str) -> Principal | Reply:
    answer = directory.identify(Credentials(name, token=Secret(shown)), "XOAUTH2")
    return await answer if isinstance(answer, asyncio.Future) else answer


async def never(name: CompositeName, secret: Secret) -> Proof:
    raise AssertionError("a token is not a secret to ask about")


def test_a_token_identifies_its_application_and_the_username_must_not_contradict() -> None:
    async def steps(tenant: Tenant) -> None:
        rules = EntraRules(frozenset({TENANT}), {APPLICATION: ("@contoso.com",)})
        directory = EntraDirectory(rules, never, bytes(32), lambda: 0.0, tenant.tokens())
        assert directory.mechanisms == {"LOGIN", "PLAIN", "XOAUTH2", "OAUTHBEARER"}
        own = Principal(NAME, application_id=APPLICATION)
        assert await sign_in(directory, NAME, token()) == own
        for name in ("alerts@contoso.com", "", "smtp-user"):
            who = await sign_in(directory, name, token())
            assert isinstance(who, Principal)
            assert who.name == f"{BY_TOKEN}.{APPLICATION}.{TENANT}"
            allowed = directory.standing(who, parse_address("a@contoso.com"))
            assert allowed is Standing.ALLOWED
        # fmt: off
        for name, shown, slug in (
            (f"res.{OTHER}.{TENANT}",      token(),            "token_application_mismatch"),
            (f"res.{APPLICATION}.{OTHER}", token(),            "token_tenant_mismatch"),
            (NAME,                         token(appid=OTHER), "application_unknown"),
            (NAME,                         token("foreign"),   "token_signature"),
        ):
            verdict = await sign_in(directory, name, shown)
            assert isinstance(verdict, Reply)
            assert (verdict.code, verdict.reason.partition(":")[0]) == (535, slug)
        # fmt: on
        tenant.trouble, tenant.now = "no answer", tenant.now + KEYS_REST
        other = EntraDirectory(rules, never, bytes(32), lambda: 0.0, tenant.tokens())
        verdict = await sign_in(other, NAME, token(exp=tenant.now + 60))
        assert isinstance(verdict, Reply)
        assert verdict.code == 454

    run(steps)


def test_a_key_set_is_read_with_care() -> None:
    documents = [{"issuer": V1}, {"issuer": V2}]
    key = jwt.algorithms.RSAAlgorithm.to_jwk(KEYS["one"].public_key(), as_dict=True)
    issuer = read_issuer(documents, {"keys": [{**key, "kid": "one"}, {"kty": "EC"}, 7]})
    assert issuer.names == {V1, V2}
    assert list(issuer.keys) == ["one"]
    unreadable = {"kty": "RSA", "kid": "x"}
    broken: list[dict[str, Any]] = [{}, {"keys": 7}, {"keys": []}, {"keys": [unreadable]}]
    for wrong in (*broken, {"keys": [key]}):
        with pytest.raises(ValueError, match="publish"):
            read_issuer(documents, wrong)
    with pytest.raises(ValueError, match="issuer"):
        read_issuer([{}], {"keys": [{**key, "kid": "one"}]})
