"""CRAM-MD5; the example of RFC 2195 section 2."""

import pytest

from gatepost.model.credentials import Principal
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from gatepost.sasl.cram_md5 import CramMd5, cram_md5
from gatepost.sasl.exchange import UnusableCredentials
from gatepost.sasl.interview import Challenge, Lookup, MalformedResponse, ServerSide, Verifier
from gatepost.sasl.verifiers import cram_md5_state
from tests.unit.sasl.play import DENIED, SIDE, Users, drive, play

CHALLENGE = b"<1896.697170952@postoffice.reston.mci.net>"
RESPONSE = b"tim b913a602c7eda7a495b4e6e7334d3890"
RFC_SIDE = ServerSide(nonce="1896.697170952", host="postoffice.reston.mci.net", refusal=DENIED)
TIM = Verifier(Principal("tim"), digest_state=cram_md5_state(Secret("tanstaaftanstaaf")))


def test_the_client_gives_the_answer_of_the_rfc() -> None:
    exchange = CramMd5("tim", Secret("tanstaaftanstaaf")).exchange()
    assert next(exchange) is None
    assert exchange.send(CHALLENGE) == RESPONSE


@pytest.mark.parametrize("initial", [None, b""])
@pytest.mark.parametrize("response", [RESPONSE, b"tim " + RESPONSE[4:].upper()])
def test_the_server_accepts_the_answer_of_the_rfc(initial: bytes | None, response: bytes) -> None:
    questions, verdict = drive(cram_md5(initial, RFC_SIDE), response, TIM)
    assert questions == [Challenge(CHALLENGE), Lookup("tim", "CRAM-MD5")]
    assert verdict == Principal("tim", mechanism="CRAM-MD5")


@pytest.mark.parametrize("name", ["tim", "a name with blanks", "rené"])
def test_a_name_may_hold_blanks(name: str) -> None:
    played = play(CramMd5(name, Secret("pässword")), Users({name: "pässword"}))
    assert played.verdict == Principal(name, mechanism="CRAM-MD5")


@pytest.mark.parametrize(
    ("name", "password", "slug"),
    [("tim", "wrong", "bad_credentials"), ("tom", "tanstaaftanstaaf", "unknown_user")],
)
def test_a_wrong_password_and_an_unknown_name_look_alike(
    name: str, password: str, slug: str
) -> None:
    users = Users({"tim": "tanstaaftanstaaf"})
    played = play(CramMd5(name, Secret(password)), users)
    assert played.verdict == DENIED
    assert isinstance(played.verdict, Reply)
    assert played.verdict.reason.startswith(slug)
    right = play(CramMd5("tim", Secret("tanstaaftanstaaf")), users)
    assert played.shape == right.shape


def test_a_name_without_verifier_is_refused_even_with_the_digest_of_nothing() -> None:
    nothing = CramMd5("tim", Secret("\0" * 16)).exchange()
    next(nothing)
    response = nothing.send(CHALLENGE)
    assert response
    _, verdict = drive(cram_md5(None, RFC_SIDE), response, Verifier(Principal("tim")))
    assert verdict == DENIED


def test_half_a_surrogate_pair_is_no_name() -> None:
    with pytest.raises(UnusableCredentials, match="the user name"):
        CramMd5("\ud800", Secret("tanstaaf"))


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"tim",
        RESPONSE[4:],
        RESPONSE[:-1],
        RESPONSE + b"0",
        RESPONSE + b"\n",
        b"t\xff " + RESPONSE[4:],
        b"x" * 10_000 + b" " + RESPONSE[4:],
        b"tim " + b"g" * 32,
    ],
)
def test_malformed_responses_are_refused(response: bytes) -> None:
    with pytest.raises(MalformedResponse):
        drive(cram_md5(None, SIDE), response, TIM)


def test_an_initial_response_is_refused() -> None:
    with pytest.raises(MalformedResponse):
        drive(cram_md5(RESPONSE, SIDE))


def test_the_secret_does_not_show() -> None:
    assert "tanstaaf" not in repr(CramMd5("tim", Secret("tanstaaf")))
    assert "tanstaaf" not in repr(TIM)
