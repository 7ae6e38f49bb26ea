"""Token requests, and the meaning of each answer."""

import asyncio

import pytest

from gatepost.client.tokens.contract import AccessToken
from gatepost.client.tokens.token_requests import ask_for_token
from gatepost.diagnosis.client_errors import finding_of, fix_of
from gatepost.errors import ConnectError, TlsError, TokenError
from gatepost.model.secret import Secret
from tests.unit.client.tokens.asked import GRANTED, Answer, Asked, says

ENDPOINT = "https://login.example/token"


def fetch(answer: Answer, grant: str = "client_credentials") -> AccessToken:
    form = {"grant_type": grant, "client_secret": "s3cret", "scope": ""}
    token, _ = asyncio.run(ask_for_token(Asked(answer), ENDPOINT, form))
    return token


def failure(answer: Answer, grant: str = "client_credentials") -> TokenError:
    with pytest.raises(TokenError) as caught:
        fetch(answer, grant)
    assert "s3cret" not in str(caught.value)
    assert caught.value.phase == "auth"
    return caught.value


def test_the_request_is_a_form_without_what_is_empty() -> None:
    http = Asked()
    asyncio.run(ask_for_token(http, ENDPOINT, {"grant_type": "x", "scope": "", "a": "b c&d"}))
    [request] = http.requests
    assert (request.method, request.url) == ("POST", ENDPOINT)
    assert request.body == b"grant_type=x&a=b+c%26d"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "s3cret" not in repr(request)


@pytest.mark.parametrize(
    ("expires_in", "lifetime"),
    [(3599, 3599.0), ("3600", 3600.0), (None, 60.0), ("soon", 60.0), (-1, 0.0), (1e12, 86_400.0)],
)
def test_lifetimes(expires_in: object, lifetime: float) -> None:
    assert fetch(says({**GRANTED, "expires_in": expires_in})) == AccessToken(
        Secret("t0ken"), lifetime
    )


def test_a_lifetime_that_is_no_number() -> None:
    for number in (b'"nan"', b"1" + b"0" * 400):
        answer = says(b'{"access_token": "t", "expires_in": %s}' % number)
        assert fetch(answer).lifetime == 60.0


def test_a_byte_order_mark_in_front_is_passed_over() -> None:
    assert fetch(says(b'\xef\xbb\xbf{"access_token": "t"}')).secret == Secret("t")


def test_an_error_that_repeats_the_secret_is_shown_without_it() -> None:
    assert failure(says({"error": "no_s3cret"}, 400)).error == "no_[redacted]"


@pytest.mark.parametrize(
    "document",
    [
        b"", b"<html>", b"[]", b"null", b'{"access_token": 7}', b'{"access_token": ""}',
        b'{"access_token": "a b"}', b'{"access_token": "a\\r\\nMAIL FROM:<x>"}', b"\xff",
        b"[" * 100_000,
    ],
)  # fmt: skip
def test_an_answer_without_a_token_may_be_a_proxy_s(document: bytes) -> None:
    error = failure(says(document))
    assert (error.is_transient, finding_of(error)) == (True, "provider_endpoint_changed")


def test_a_token_of_another_kind_is_of_no_use() -> None:
    assert not failure(says({**GRANTED, "token_type": "mac"})).is_transient
    assert fetch(says({**GRANTED, "token_type": "bearer"})).secret == Secret("t0ken")


def entra(number: int, error: str = "invalid_client") -> dict[str, object]:
    said = f"AADSTS{number}: Invalid client secret s3cret. Trace ID: 1"
    return {"error": error, "error_description": said, "error_codes": [number]}


@pytest.mark.parametrize(
    ("answer", "transient", "slug", "number"),
    [
        (says(entra(7000222), 401), False, "expired_secret", 7000222),
        (says(entra(7000215), 401), False, "oauth_client_auth_failed", 7000215),
        (
            says(entra(700016, "unauthorized_client"), 400),
            False,
            "oauth_client_auth_failed",
            700016,
        ),
        (says(entra(90002, "invalid_request"), 400), False, "oauth_client_auth_failed", 90002),
        (says(entra(53003, "invalid_grant"), 400), False, "conditional_access_block", 53003),
        (says(entra(700082, "invalid_grant"), 400), False, "oauth_refresh_token_expired", 700082),
        (says(entra(90033, "temporarily_unavailable"), 400), True, "", 90033),
        (says(entra(424242, "invalid_request"), 400), False, "", 424242),
        (says({"error": "invalid_client"}, 401), False, "oauth_client_auth_failed", 0),
        (says({"error": "invalid_scope"}, 400), False, "oauth_scope_wrong", 0),
        (says({"error": "temporarily_unavailable"}, 400), True, "", 0),
        (says(b"gateway", 502), True, "", 0),
        (says({"error": "invalid_client"}, 503), True, "", 0),
        (says(b"", 429), True, "", 0),
        (says(b"", 302, location="https://x.example"), True, "provider_endpoint_changed", 0),
        (says({"error": "invalid_scope"}, 200), False, "oauth_scope_wrong", 0),
        (says({"error": "temporarily_unavailable"}, 200), True, "", 0),
        (says({"error": ["s3cret"]}, 400), False, "", 0),
        (says(b"<html>", 404), False, "provider_endpoint_changed", 0),
        (says({"error": "not_found"}, 404), False, "provider_endpoint_changed", 0),
        (says({"error": "invalid_grant"}, 404), False, "oauth_client_auth_failed", 0),
        (says(b"", 401), False, "oauth_client_auth_failed", 0),
    ],
)
def test_refusals_are_judged_by_their_codes(
    answer: Answer, transient: bool, slug: str, number: int
) -> None:
    error = failure(answer)
    assert (error.is_transient, finding_of(error), error.number) == (transient, slug, number)
    assert (f"AADSTS{number}" in str(error)) == bool(number)


def test_the_number_of_an_entra_error_decides_the_fix() -> None:
    """A signature outside its time is no matter of a secret: the clock is wrong."""
    told = {"error": "invalid_client", "error_codes": [700024]}
    assert "Correct the clock" in fix_of(failure(says(told, 401)))


def test_the_number_is_found_without_the_list() -> None:
    document = {"error": "invalid_client", "error_description": "AADSTS7000222: expired"}
    assert finding_of(failure(says(document, 401))) == "expired_secret"


@pytest.mark.parametrize(
    ("grant", "slug"),
    [
        ("refresh_token", "oauth_refresh_token_expired"),
        ("x:jwt-bearer", "oauth_client_auth_failed"),
    ],
)
def test_an_invalid_grant_blames_what_was_granted(grant: str, slug: str) -> None:
    assert finding_of(failure(says({"error": "invalid_grant"}, 400), grant)) == slug


def test_retry_after_is_reported() -> None:
    assert failure(says(b"", 429, retry_after="17")).retry_after == 17.0


def test_an_unreachable_provider_is_transient() -> None:
    bad = TlsError("certificate not accepted: expired").because("", 10)
    assert failure(ConnectError("cannot connect to login.example: refused")).is_transient
    error = failure(bad)
    assert (error.is_transient, finding_of(error)) == (True, "cert_expired")
