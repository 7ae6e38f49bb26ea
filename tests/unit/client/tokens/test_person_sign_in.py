"""A person signs in once: the request of a browser, and the questions of a device."""

import asyncio
import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import pytest

from gatepost.client.tokens.person_sign_in import (
    DEVICE_GRANT,
    DeviceRequest,
    PersonClient,
    PersonTokens,
    begin_browser,
    begin_device,
    finish_browser,
    finish_device,
)
from gatepost.errors import TokenError
from gatepost.model.secret import Secret
from tests.unit.client.tokens.asked import GRANTED, Answer, Asked, says

HERE = "http://localhost:49152"
CLIENT = PersonClient("https://id.test/auth", "https://id.test/token", "https://id.test/device",
                      "app", "mail offline_access")  # fmt: skip
GOOGLE = PersonClient(
    "https://id.test/auth", "https://id.test/token", "", "app", "mail", Secret("s3cret"),
    {"access_type": "offline", "prompt": "consent"},
)  # fmt: skip
SIGNED_IN = {**GRANTED, "refresh_token": "r3fresh"}
CODES = {"device_code": "d3vice", "user_code": "ABCD", "verification_uri": "https://id.test/go",
         "expires_in": 900, "interval": 5}  # fmt: skip


def pending(error: str = "authorization_pending") -> Answer:
    return says({"error": error}, 400)


def test_the_request_of_a_browser_has_a_challenge_and_a_state() -> None:
    request = begin_browser(GOOGLE, HERE, "ann@example.com")
    query = {name: value for name, [value] in parse_qs(urlsplit(request.url).query).items()}
    digest = hashlib.sha256(request.verifier.reveal().encode()).digest()
    assert query.pop("code_challenge") == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert query == {
        "response_type": "code", "client_id": "app", "redirect_uri": HERE, "scope": "mail",
        "state": request.state, "code_challenge_method": "S256", "access_type": "offline",
        "prompt": "consent", "login_hint": "ann@example.com",
    }  # fmt: skip
    assert request.verifier.reveal() not in request.url
    assert begin_browser(GOOGLE, HERE).state != request.state


def test_a_code_is_exchanged_with_the_verifier_and_the_secret() -> None:
    http, request = Asked(says(SIGNED_IN)), begin_browser(GOOGLE, HERE)
    tokens = asyncio.run(finish_browser(http, GOOGLE, request, {"code": "c0de"}))
    assert tokens == PersonTokens(Secret("t0ken"), Secret("r3fresh"))
    assert http.forms == [{
        "grant_type": "authorization_code", "code": "c0de", "redirect_uri": HERE,
        "code_verifier": request.verifier.reveal(), "scope": "mail", "client_id": "app",
        "client_secret": "s3cret",
    }]  # fmt: skip


# fmt: off
ENDED = [
    ({"error": "access_denied", "error_description": "AADSTS65004: User declined"},
     "access_denied AADSTS65004", 65004),
    ({"error": "access_denied"},                       "access_denied",          0),
    ({"error": "\x07\n"},                              "no reason was given",    0),
    ({},                                               "no reason was given",    0),
]
# fmt: on


@pytest.mark.parametrize(("answer", "text", "number"), ENDED)
def test_a_sign_in_that_ended_otherwise(answer: dict[str, str], text: str, number: int) -> None:
    http = Asked()
    with pytest.raises(TokenError) as raised:
        asyncio.run(finish_browser(http, CLIENT, begin_browser(CLIENT, HERE), answer))
    assert str(raised.value) == f"the sign-in ended without a code: {text}"
    assert raised.value.number == number
    assert http.requests == []


def test_without_a_refresh_token_nothing_is_gained() -> None:
    http = Asked(says(GRANTED))
    with pytest.raises(TokenError, match="no refresh token"):
        asyncio.run(finish_browser(http, CLIENT, begin_browser(CLIENT, HERE), {"code": "c"}))


@pytest.mark.parametrize("name", ["verification_uri", "verification_url"])
def test_a_device_gets_its_codes(name: str) -> None:
    answer = {key: value for key, value in CODES.items() if key != "verification_uri"}
    answer[name] = "https://id.test/go"
    request = asyncio.run(begin_device(Asked(says(answer)), CLIENT))
    assert (request.where, request.user_code) == ("https://id.test/go", "ABCD")
    assert (request.interval, request.lifetime) == (5.0, 900.0)


# fmt: off
BAD = [
    ({"error": "invalid_client", "error_codes": [7000218]}, 401),
    ({**CODES, "user_code": 5},                             200),
    ({**CODES, "verification_uri": ""},                     200),
    ({**CODES, "user_code": "\x1b]0;"},                      200),
    ({},                                                    200),
]
# fmt: on


@pytest.mark.parametrize(("document", "status"), BAD)
def test_a_device_that_gets_none(document: dict[str, object], status: int) -> None:
    with pytest.raises(TokenError):
        asyncio.run(begin_device(Asked(says(document, status)), CLIENT))


@pytest.mark.parametrize("interval", [0, -1, "5", True, None])
def test_an_interval_that_is_none_is_the_usual_one(interval: object) -> None:
    request = asyncio.run(begin_device(Asked(says({**CODES, "interval": interval})), CLIENT))
    assert request.interval == 5.0


def test_a_device_does_not_ask_without_a_pause() -> None:
    request = asyncio.run(begin_device(Asked(says({**CODES, "interval": 1e-9})), CLIENT))
    assert request.interval == 1.0


def ask(*answers: Answer, lifetime: float = 900.0) -> tuple[PersonTokens | str, list[float], Asked]:
    """Return what a device got in the end, how long it slept each time, and what it asked."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    http = Asked(*answers)
    request = DeviceRequest("https://id.test/go", "ABCD", Secret("d3vice"), 5.0, lifetime)
    try:
        return asyncio.run(finish_device(http, CLIENT, request, sleep)), slept, http
    except TokenError as error:
        return error.error, slept, http


def test_a_device_asks_until_the_person_has_signed_in() -> None:
    outcome, slept, http = ask(pending(), pending("slow_down"), pending(), says(SIGNED_IN))
    assert outcome == PersonTokens(Secret("t0ken"), Secret("r3fresh"))
    assert slept == [5.0, 5.0, 10.0, 10.0]  # RFC 8628 3.5
    assert http.forms[0] == {
        "grant_type": DEVICE_GRANT,
        "device_code": "d3vice",
        "client_id": "app",
    }


@pytest.mark.parametrize(
    "error", ["authorization_declined", "access_denied", "expired_token", "bad_verification_code"]
)
def test_a_device_stops_when_there_is_no_hope(error: str) -> None:
    outcome, slept, _ = ask(pending(), pending(error))
    assert (outcome, len(slept)) == (error, 2)


def test_a_device_stops_when_its_code_has_expired() -> None:
    outcome, slept, _ = ask(pending(), lifetime=12.0)
    assert (outcome, slept) == ("authorization_pending", [5.0, 5.0, 5.0])


def test_a_device_that_is_always_too_fast_stops_too() -> None:
    outcome, slept, _ = ask(pending("slow_down"), lifetime=40.0)
    assert (outcome, slept) == ("slow_down", [5.0, 10.0, 15.0, 20.0])


def test_a_device_goes_on_after_a_failure_in_between() -> None:
    outcome, _, _ = ask(says(b"busy", 503), says(SIGNED_IN))
    assert isinstance(outcome, PersonTokens)
