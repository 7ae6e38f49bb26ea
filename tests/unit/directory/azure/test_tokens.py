"""Tokens: issued ones are verified, and no others."""

import base64
import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from gatepost.directory.azure.entries import ServicePrincipal
from gatepost.directory.azure.tokens import (
    COMMUNICATION,
    GRAPH,
    LIFETIME,
    MANAGEMENT,
    MAX_TOKEN,
    AccessTokens,
    InvalidToken,
    resource_name,
)
from tests.rsa_keys import rsa_key
from tests.unit.directory.azure.world import APPLICATION, NOW, PRINCIPAL, TENANT

KEY, ANOTHER_KEY = rsa_key(), rsa_key("another")
ACS = "https://communication.azure.com"
ISSUER = f"https://localhost:2443/{TENANT}/"
AS_PRINCIPAL = ServicePrincipal(PRINCIPAL, APPLICATION, TENANT)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def make_tokens(key: rsa.RSAPrivateKey = KEY) -> tuple[AccessTokens, Clock]:
    clock, numbers = Clock(), itertools.count(1)
    return AccessTokens(key, clock, lambda: f"id-{next(numbers)}"), clock


TOKENS, _ = make_tokens()


def issue(audience: str = ACS, **options: Any) -> str:
    return TOKENS.issue(AS_PRINCIPAL, audience, ISSUER, **options).token.reveal()


TOKEN = issue()


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def sign(claims: Any, key: Any = KEY, algorithm: str = "RS256", **headers: Any) -> str:
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return jwt.PyJWS().encode(payload, key, algorithm, {"kid": TOKENS.key_id, **headers})


def refusal(token: str, audiences: Any = COMMUNICATION, tokens: AccessTokens = TOKENS) -> str:
    with pytest.raises(InvalidToken) as caught:
        tokens.verify(token, audiences)
    assert all(part not in str(caught.value) for part in token.split(".") if len(part) > 8)
    return f"{caught.value.slug}: {caught.value}"


def test_issued_tokens_are_verified() -> None:
    claims = TOKENS.verify(issue(roles={"Mail.Send", "Application.ReadWrite.All"}), COMMUNICATION)
    assert (claims.tenant_id, claims.application_id) == (TENANT, APPLICATION)
    assert (claims.principal_id, claims.audience) == (PRINCIPAL, ACS)
    assert claims.expires_at == NOW + LIFETIME
    assert claims.roles == ("Application.ReadWrite.All", "Mail.Send")


def test_a_token_has_the_claims_that_entra_puts_into_one() -> None:
    issued = TOKENS.issue(AS_PRINCIPAL, ACS, ISSUER)
    assert issued.expires_in == 3599
    assert issued.token.reveal() not in repr(issued)
    claims = claims_of(issued.token.reveal())
    assert claims.pop("uti").startswith("id-")
    assert claims == {
        "aud": ACS,
        "iss": ISSUER,
        "iat": int(NOW.timestamp()) - 300,
        "nbf": int(NOW.timestamp()) - 300,
        "exp": int(NOW.timestamp()) + 3599,
        "appid": APPLICATION,
        "appidacr": "1",
        "idp": ISSUER,
        "idtyp": "app",
        "oid": PRINCIPAL,
        "sub": PRINCIPAL,
        "tid": TENANT,
        "ver": "1.0",
    }
    assert claims_of(issue(by_certificate=True))["appidacr"] == "2"
    assert issue() != TOKEN


def test_another_library_verifies_it_with_the_key_set() -> None:
    [key] = jwt.PyJWKSet.from_dict(TOKENS.key_set).keys
    header = jwt.get_unverified_header(TOKEN)
    assert header["kid"] == key.key_id
    assert header["alg"] == "RS256"
    now = datetime.now(UTC)
    fresh = AccessTokens(KEY, lambda: now).issue(AS_PRINCIPAL, ACS, ISSUER)
    claims = jwt.decode(fresh.token.reveal(), key.key, ["RS256"], audience=ACS, issuer=ISSUER)
    assert claims["appid"] == APPLICATION


# fmt: off
AUDIENCES = [
    # asked for                              shown to       taken
    (ACS,                                    COMMUNICATION, True),
    (f"{ACS}/",                              COMMUNICATION, True),
    ("HTTPS://Communication.Azure.com",      COMMUNICATION, True),
    ("1fd5118e-2576-4263-8130-9503064c837a", COMMUNICATION, True),
    ("https://management.azure.com/",        MANAGEMENT,    True),
    ("https://graph.microsoft.com",          GRAPH,         True),
    ("https://localhost:2443",               {"https://localhost:2443"}, True),
    (f"{ACS}//",                             COMMUNICATION, False),
    ("https://graph.microsoft.com",          COMMUNICATION, False),
    ("https://outlook.office365.com",        COMMUNICATION, False),
    ("https://management.azure.com",         GRAPH,         False),
    ("https://localhost:2444",               {"https://localhost:2443"}, False),
    (ACS,                                    (),            False),
]
# fmt: on


@pytest.mark.parametrize(("audience", "shown_to", "taken"), AUDIENCES)
def test_a_token_is_good_for_its_audience_alone(audience: str, shown_to: Any, taken: bool) -> None:
    token = issue(audience)
    if taken:
        assert TOKENS.verify(token, shown_to).audience == audience
    else:
        assert refusal(token, shown_to).startswith("token_audience_wrong: ")


@pytest.mark.parametrize(
    ("audience", "name"),
    [
        (ACS, "Azure Communication Services"),
        ("https://graph.microsoft.com/", "Microsoft Graph"),
        ("https://outlook.office365.com", "Exchange Online"),
        ("https://management.azure.com/", "Azure Resource Manager"),
        ("https://somebody.example", ""),
    ],
)
def test_the_reason_names_the_audience_of_a_token(audience: str, name: str) -> None:
    assert resource_name(audience) == name
    reason = refusal(issue(audience), {"https://vault.example"})
    assert reason == f"token_audience_wrong: the token is for {name or 'another resource'}"


def test_a_token_ends_on_the_second() -> None:
    tokens, clock = make_tokens()
    clock.now = NOW + LIFETIME - timedelta(seconds=1)
    tokens.verify(TOKEN, COMMUNICATION)
    clock.now = NOW + LIFETIME
    assert refusal(TOKEN, tokens=tokens) == (
        "token_expired: the token expired at 2026-05-04 12:59:59 UTC"
    )
    clock.now = NOW - timedelta(minutes=5)
    tokens.verify(TOKEN, COMMUNICATION)
    clock.now = NOW - timedelta(minutes=5, seconds=1)
    assert refusal(TOKEN, tokens=tokens).startswith("token_not_yet_valid: ")


def test_a_restart_with_the_same_key_takes_it_and_another_key_does_not() -> None:
    again, _clock = make_tokens(KEY)
    assert again.verify(TOKEN, COMMUNICATION).application_id == APPLICATION
    other, _clock = make_tokens(ANOTHER_KEY)
    assert refusal(TOKEN, tokens=other) == (
        "token_signature: another key signed the token, not this relay; "
        "it says that it is for Azure Communication Services"
    )


def test_a_genuine_microsoft_token_is_named_in_the_reason() -> None:
    claims = {"aud": "https://graph.microsoft.com", "iss": f"https://sts.windows.net/{TENANT}/"}
    token = jwt.encode(claims, ANOTHER_KEY, "RS256", {"kid": "theirs"})
    assert refusal(token) == (
        "token_signature: Microsoft's Entra signed the token, not this relay; "
        "it says that it is for Microsoft Graph"
    )


def test_claims_of_a_foreign_token_are_not_repeated() -> None:
    claims = {"aud": "https://evil.example/\r\nLOG", "iss": "https://sts.windows.net.evil/"}
    reason = refusal(jwt.encode(claims, ANOTHER_KEY, "RS256"))
    assert reason == "token_signature: another key signed the token, not this relay"


FORGED = {
    "no signature": sign(claims_of(TOKEN), None, "none"),
    "the public key as a shared secret": sign(
        claims_of(TOKEN), TOKENS.key_set["keys"][0]["n"], "HS256"
    ),
    "another key under our key's id": sign(claims_of(TOKEN), ANOTHER_KEY),
    "another hash": sign(claims_of(TOKEN), KEY, "RS512"),
    "another padding": sign(claims_of(TOKEN), KEY, "PS256"),
    "another key's id": sign(claims_of(TOKEN), KEY, kid="other"),
    "the claims of another": ".".join(
        (TOKEN.split(".")[0], issue("https://graph.microsoft.com").split(".")[1], TOKEN[-342:])
    ),
}


@pytest.mark.parametrize("token", FORGED.values(), ids=FORGED.keys())
def test_a_forged_token_is_refused(token: str) -> None:
    assert refusal(token).startswith(("token_signature: ", "token_malformed: "))


MALFORMED = {
    "nothing": "",
    "a word": "password",
    "two parts": "a.b",
    "four parts": f"{TOKEN}.a",
    "a blank": f"{TOKEN} ",
    "a line end": f"{TOKEN}\n",
    "padding": f"{TOKEN}=",
    "no Base64": "a.b.c",
    "no JSON": "YWJj.YWJj.YWJj",
    "no object": "W10.W10.YWJj",
    "deeply nested": ".".join(
        (base64.urlsafe_b64encode(b"[" * 6000).decode().rstrip("="), "e30", "YWJj")
    ),
    "no UTF-8": "gA.gA.gA",
    "too long": TOKEN + "A" * MAX_TOKEN,
    "a full-width letter": TOKEN.replace("e", "ｅ", 1),
    "the id of a secret": PRINCIPAL,
}


@pytest.mark.parametrize("token", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_tokens_are_refused(token: str) -> None:
    assert refusal(token).startswith("token_malformed: ")


WITHOUT = ["tid", "appid", "oid", "aud", "exp", "nbf"]


@pytest.mark.parametrize("name", WITHOUT)
def test_claims_that_are_needed_must_be_there(name: str) -> None:
    claims = claims_of(TOKEN)
    del claims[name]
    assert refusal(sign(claims)) == f"token_malformed: the claim {name} is missing"
    assert refusal(sign({**claims, name: ["x"]})) == f"token_malformed: the claim {name} is missing"


def test_roles_are_a_list() -> None:
    assert refusal(sign({**claims_of(TOKEN), "roles": "Mail.Send"})).startswith("token_malformed")


@given(st.integers(0, len(TOKEN) - 1), st.characters(min_codepoint=33, max_codepoint=126))
def test_any_altered_character_is_refused(place: int, character: str) -> None:
    altered = TOKEN[:place] + character + TOKEN[place + 1 :]
    if altered != TOKEN:
        assert refusal(altered)


def test_every_spelling_of_the_last_character_but_one_is_refused() -> None:
    """Four of its six bits belong to no octet, so 16 spellings would decode alike."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    taken = []
    for character in alphabet:
        try:
            TOKENS.verify(TOKEN[:-1] + character, COMMUNICATION)
        except InvalidToken:
            continue
        taken.append(character)
    assert taken == [TOKEN[-1]]


@given(st.text(max_size=200) | st.binary(max_size=60).map(lambda raw: sign(raw, ANOTHER_KEY)))
def test_anything_else_is_refused_and_never_breaks(text: str) -> None:
    assert refusal(text)


def test_the_key_is_not_shown() -> None:
    assert repr(TOKENS) == f"<AccessTokens key={TOKENS.key_id}>"


def test_no_more_tokens_are_kept_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatepost.directory.azure.tokens._MAX_KEPT", 2)
    tokens, _ = make_tokens()
    made = [tokens.issue(AS_PRINCIPAL, ACS, ISSUER).token.reveal() for _ in range(4)]
    for token in made * 2:
        assert tokens.verify(token, COMMUNICATION).application_id == APPLICATION
    assert len(tokens._verified) == 2


def test_a_token_that_is_known_is_still_for_one_audience_and_ends() -> None:
    tokens, clock = make_tokens()
    token = tokens.issue(AS_PRINCIPAL, ACS, ISSUER).token.reveal()
    assert tokens.verify(token, COMMUNICATION) == tokens.verify(token, COMMUNICATION)
    assert refusal(token, GRAPH, tokens).startswith("token_audience_wrong")
    clock.now += LIFETIME
    assert refusal(token, COMMUNICATION, tokens).startswith("token_expired")
    assert not tokens._verified
