"""PLAIN; examples of RFC 4616 section 4."""

import pytest

from gatepost.model.credentials import Credentials, Principal
from gatepost.model.secret import Secret
from gatepost.sasl.exchange import UnusableCredentials
from gatepost.sasl.interview import (
    MAX_NAME,
    MAX_SECRET,
    Challenge,
    MalformedResponse,
    ServerSide,
    Verify,
)
from gatepost.sasl.plain import Plain, plain
from tests.unit.sasl.play import DENIED, Users, drive, play

EXAMPLES = [
    # RFC 4616, section 4
    (b"\0tim\0tanstaaftanstaaf", Credentials("tim", Secret("tanstaaftanstaaf"))),
    (
        b"Ursel\0Kurt\0xipj3plmq",
        Credentials("Kurt", Secret("xipj3plmq"), authzid="Ursel"),
    ),
    (b"Kurt\0Kurt\0xipj3plmq", Credentials("Kurt", Secret("xipj3plmq"))),
    ("\0rené\0pässword".encode(), Credentials("rené", Secret("pässword"))),
    (b"\0\0", Credentials("", Secret(""))),
]


@pytest.mark.parametrize(("response", "credentials"), EXAMPLES)
def test_the_server_reads_the_three_fields(response: bytes, credentials: Credentials) -> None:
    asked, verdict = drive(plain(response), Principal("whoever"))
    assert asked == [Verify(credentials, "PLAIN")]
    assert verdict == Principal("whoever", mechanism="PLAIN")


@pytest.mark.parametrize(("response", "credentials"), EXAMPLES)
def test_without_initial_response_the_server_sends_an_empty_challenge(
    response: bytes, credentials: Credentials
) -> None:
    asked, verdict = drive(plain(None), response, DENIED)
    assert asked == [Challenge(b""), Verify(credentials, "PLAIN")]
    assert verdict is DENIED


@pytest.mark.parametrize(("authzid", "taken"), [(b"", True), (b"tim", False), (b"kurt", False)])
def test_a_server_may_refuse_every_authzid(authzid: bytes, taken: bool) -> None:
    side = ServerSide(refuses_authzid=True)
    asked, verdict = drive(plain(authzid + b"\0tim\0pass", side), Principal("tim"))
    assert bool(asked) == taken
    assert isinstance(verdict, Principal) == taken


def test_the_client_sends_the_examples() -> None:
    assert next(Plain("tim", Secret("tanstaaftanstaaf")).exchange()) == EXAMPLES[0][0]
    assert next(Plain("Kurt", Secret("xipj3plmq"), "Ursel").exchange()) == EXAMPLES[1][0]


def test_a_held_response_answers_the_empty_challenge() -> None:
    played = play(Plain("tim", Secret("x")), Users({"tim": "x"}), initial=False)
    assert played.said == [("S", b""), ("C", b"\0tim\0x")]
    assert isinstance(played.verdict, Principal)


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"tim",
        b"tim\0pass",
        b"\0tim\0pass\0",
        b"\0\xff\0pass",
        b"\0tim\0caf\xe9",
        b"\0" + b"x" * (MAX_NAME + 1) + b"\0p",
        b"x" * (MAX_NAME + 1) + b"\0tim\0p",
        b"\0tim\0" + b"x" * (MAX_SECRET + 1),
    ],
)
def test_malformed_responses_are_refused(response: bytes) -> None:
    with pytest.raises(MalformedResponse):
        drive(plain(response))


@pytest.mark.parametrize("fields", [("t\0m", "x", ""), ("tim", "top\0", ""), ("tim", "x", "a\0")])
def test_nul_would_shift_the_fields(fields: tuple[str, str, str]) -> None:
    username, password, authzid = fields
    with pytest.raises(UnusableCredentials, match="NUL") as error:
        Plain(username, Secret(password), authzid)
    assert "top" not in str(error.value)


def test_the_secret_does_not_show() -> None:
    assert "tanstaaf" not in repr(Plain("tim", Secret("tanstaaf")))
    [asked], _ = drive(plain(b"\0tim\0tanstaaf"))
    assert "tanstaaf" not in repr(asked)
