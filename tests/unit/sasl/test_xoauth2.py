"""XOAUTH2; the example of Google's specification."""

import pytest

from gatepost.model.credentials import Credentials, Principal
from gatepost.model.secret import Secret
from gatepost.sasl.exchange import UnusableCredentials
from gatepost.sasl.interview import Challenge, MalformedResponse, ServerSide, Verify
from gatepost.sasl.xoauth2 import Xoauth2, xoauth2
from tests.unit.sasl.play import DENIED, SIDE, Users, drive, play

USER = "someuser@example.com"
TOKEN = "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"
RESPONSE = f"user={USER}\x01auth=Bearer {TOKEN}\x01\x01".encode()
ASKED = Verify(Credentials(USER, token=Secret(TOKEN)), "XOAUTH2")
GOOGLE = ServerSide(explains=True, scope="https://mail.google.com/", refusal=DENIED)


def test_the_client_sends_the_example() -> None:
    assert next(Xoauth2(USER, Secret(TOKEN)).exchange()) == RESPONSE


@pytest.mark.parametrize(
    "response",
    [RESPONSE, RESPONSE.replace(b"Bearer", b"bearer"), RESPONSE.replace(b"user=", b"USER=")],
)
def test_the_server_reads_the_example(response: bytes) -> None:
    questions, verdict = drive(xoauth2(response, SIDE), Principal(USER))
    assert questions == [ASKED]
    assert verdict == Principal(USER, mechanism="XOAUTH2")


def test_without_initial_response_the_server_sends_an_empty_challenge() -> None:
    assert drive(xoauth2(None, SIDE), RESPONSE, DENIED) == ([Challenge(b""), ASKED], DENIED)


def test_google_explains_before_it_refuses() -> None:
    played = play(Xoauth2(USER, Secret("expired")), Users({USER: TOKEN}), GOOGLE)
    [_, (_, document), answer] = played.said
    assert document == b'{"status":"400","schemes":"bearer","scope":"https://mail.google.com/"}'
    assert answer == ("C", b""), "or the server never comes to its 535"
    assert played.verdict == DENIED


def test_exchange_refuses_at_once() -> None:
    played = play(Xoauth2(USER, Secret("expired")), Users({USER: TOKEN}), SIDE)
    assert [who for who, _ in played.said] == ["C"]
    assert played.verdict == DENIED


def test_a_good_token_needs_no_explanation() -> None:
    played = play(Xoauth2(USER, Secret(TOKEN)), Users({USER: TOKEN}), GOOGLE)
    assert played.verdict == Principal(USER, mechanism="XOAUTH2")
    assert [who for who, _ in played.said] == ["C"]


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"\x01",
        b"\x01\x01",
        RESPONSE[:-1],
        RESPONSE + b"\x01",
        RESPONSE.replace(b"user=", b"usr="),
        RESPONSE.replace(b"user=", b"user"),
        RESPONSE.replace(b"Bearer ", b"Basic "),
        RESPONSE.replace(TOKEN.encode(), b""),
        RESPONSE.replace(USER.encode(), b""),
        b"user=a\x01" + RESPONSE,
        RESPONSE.replace(b"some", b"\xff"),
        RESPONSE.replace(b"ya29", b"x" * 13_000),
    ],
)
def test_malformed_responses_are_refused(response: bytes) -> None:
    with pytest.raises(MalformedResponse):
        drive(xoauth2(response, SIDE))


@pytest.mark.parametrize(
    ("user", "token", "says"),
    [
        ("a\x01b", "t", "the user name holds control-A"),
        ("a", "t\x01x", "the token"),
        ("a", "t\n", "line end"),
        ("a", "t x", "space"),
        ("a", "té", "the token"),
    ],
)
def test_characters_that_break_the_response_are_refused_before_sending(
    user: str, token: str, says: str
) -> None:
    with pytest.raises(UnusableCredentials, match=says):
        Xoauth2(user, Secret(token))


def test_the_secret_does_not_show() -> None:
    assert TOKEN not in repr(Xoauth2(USER, Secret(TOKEN)))
