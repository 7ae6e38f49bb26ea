"""Client assertions: those that msal and azure-identity sign are accepted, and no others."""

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.directory.azure.client_certificates import read_certificate
from tests.client_certificates import make_certificate
from tests.examples import examples
from tests.unit.directory.azure.world import NOW, OTHER, PASSWORD, TENANT
from tests.unit.rest.entra.asking import (
    ORIGIN,
    PATH,
    SENDER,
    Asking,
    assertion,
    kept_certificate,
    own_certificate,
    with_assertion,
)
from tests.unit.rest.in_process import Answered

OVER = make_certificate("over", start=NOW.replace(year=2024), end=NOW)
FOREIGN = make_certificate("foreign")
MOMENT = int(NOW.timestamp())


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


SHA1 = base64url(own_certificate().thumbprint(hashes.SHA1()))
HEX = own_certificate().thumbprint(hashes.SHA1()).hex().upper()


def ask(value: str, **fields: str) -> tuple[Asking, Answered]:
    asking = Asking([kept_certificate(), read_certificate(SENDER, OVER.der)])
    return asking, asking.post(with_assertion(value, **fields))


TAKEN: dict[str, dict[str, Any]] = {
    "PS256 and x5t#S256, as msal": {},
    "RS256 and x5t, as older libraries": {"algorithm": "RS256", "header": {"x5t": SHA1}},
    "kid in hex": {"algorithm": "RS256", "header": {"kid": HEX}},
    "the endpoint of version 1": {"aud": f"{ORIGIN}/{TENANT}/oauth2/token"},
    "the issuer": {"aud": f"{ORIGIN}/{TENANT}/v2.0"},
    "the tenant by its domain": {"aud": f"{ORIGIN}/example.com/oauth2/v2.0/token"},
    "another name of this machine": {"aud": f"https://127.0.0.1:2443{PATH}"},
    "upper case": {"aud": (ORIGIN + PATH).upper()},
    "a list of audiences": {"aud": ["x", ORIGIN + PATH]},
    "no jti": {"jti": None},
    "iat alone": {"nbf": None},
    "a clock that is ahead": {"nbf": MOMENT + 299, "iat": MOMENT + 299},
}


@pytest.mark.parametrize("changes", TAKEN.values(), ids=TAKEN.keys())
def test_taken(changes: dict[str, Any]) -> None:
    path = "/example.com/oauth2/v2.0/token" if "example.com" in str(changes) else PATH
    asking = Asking([kept_certificate()])
    answered = asking.post(with_assertion(assertion(**changes)), path)
    assert answered.status == 200, answered.json
    claims = jwt.decode(answered.json["access_token"], options={"verify_signature": False})
    assert claims["appidacr"] == "2"


# fmt: off
REFUSED: dict[str, tuple[str, int, str, str]] = {
    "no certificate named":  (assertion(header={}), 700027, "The key was not found.",
                              "certificate_unknown"),
    "another certificate":   (assertion(FOREIGN), 700027, "The key was not found.",
                              "certificate_unknown"),
    "another key":           (assertion(FOREIGN, algorithm="RS256", header={"x5t": SHA1}), 700027,
                              "The provided signature value did not match", "assertion_signature"),
    "a certificate over":    (assertion(OVER), 700027, "The key used is expired.",
                              "certificate_expired"),
    "RS512":                 (assertion(algorithm="RS512"), 50027, "", "assertion_malformed"),
    "no signature":          (jwt.encode({"sub": "x"}, "", "none", {"x5t": SHA1}), 50027, "",
                              "assertion_malformed"),
    "a word":                ("secret", 50027, "JWT token is invalid", "assertion_malformed"),
    "no JSON":               ("YWJj.YWJj.YWJj", 50027, "", "assertion_malformed"),
    "claims that are a list": (jwt.PyJWS().encode(b"[]", own_certificate().key, "RS256",
                              {"x5t": SHA1}), 50027, "", "assertion_malformed"),
    "iss of another":        (assertion(iss=OTHER), 700021, "", "assertion_of_another"),
    "sub of another":        (assertion(sub=OTHER), 700021, "", "assertion_of_another"),
    "no sub":                (assertion(sub=None), 700021, "", "assertion_of_another"),
    "aud of Entra":          (assertion(aud=f"https://login.microsoftonline.com{PATH}"), 700023,
                              "Client assertion audience claim does not match Realm issuer.",
                              "assertion_audience"),
    "aud of another tenant": (assertion(aud=f"{ORIGIN}/{OTHER}/oauth2/v2.0/token"), 700023, "",
                              "assertion_audience"),
    "no aud":                (assertion(aud=None), 700023, "", "assertion_audience"),
    "over":                  (assertion(exp=MOMENT), 700024,
                              "Current time: 2026-05-04T12:00:00.0000000Z, assertion valid from",
                              "assertion_time"),
    "not begun":             (assertion(nbf=MOMENT + 301), 700024, "", "assertion_time"),
    "no exp":                (assertion(exp=None), 50027, "", "assertion_malformed"),
    "exp that is not a time":   (assertion(exp="soon"), 50027, "", "assertion_malformed"),
    "exp beyond all time":   (assertion(exp=10**30), 50027, "", "assertion_malformed"),
    "nbf that is not a number": (assertion(nbf=float("nan")), 50027, "", "assertion_malformed"),
    "jti that is not text":   (assertion(jti=7), 50027, "", "assertion_malformed"),
    "jti without end":       (assertion(jti="j" * 256), 50027, "", "assertion_malformed"),
}
# fmt: on


@pytest.mark.parametrize(("value", "number", "words", "reason"), REFUSED.values(), ids=REFUSED)
def test_refused(value: str, number: int, words: str, reason: str) -> None:
    asking, answered = ask(value)
    assert (answered.status, answered.number) == (401, number)
    assert answered.json["error"] == "invalid_client"
    assert words in answered.json["error_description"]
    assert asking.reason.startswith(f"{reason}: ")
    assert value[-40:] not in str(asking.reported) + answered.body.decode()


def test_the_type_must_be_given() -> None:
    for kind in ("", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"):
        asking, answered = ask(assertion(), client_assertion_type=kind)
        assert answered.number == 7000216
        assert asking.reason.startswith("assertion_type: ")


def test_a_certificate_counts_for_its_application_alone() -> None:
    answered = Asking().post(with_assertion(assertion()))
    assert answered.number == 700027


def test_a_secret_beside_an_assertion_does_not_help() -> None:
    _asking, answered = ask(assertion(FOREIGN), client_secret=PASSWORD)
    assert answered.number == 700027


@given(
    st.dictionaries(
        st.sampled_from(["alg", "x5t", "kid", "crit", "b64", "typ"]),
        st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()),
    ),
    st.binary(max_size=40),
)
@settings(max_examples=examples(60), deadline=None)
def test_any_header_gets_an_answer(header: dict[str, Any], rest: bytes) -> None:
    whole = json.dumps({"alg": "RS256", "x5t": SHA1, **header}).encode()
    _asking, answered = ask(".".join(map(base64url, (whole, b"{}", rest))))
    assert answered.status in (400, 401)
