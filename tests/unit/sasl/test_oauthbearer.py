"""OAUTHBEARER; the examples of RFC 7628 section 4."""

import pytest

from gatepost.model.credentials import Credentials, Principal
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from gatepost.sasl.exchange import UnusableCredentials
from gatepost.sasl.interview import Challenge, MalformedResponse, ServerSide, Verify
from gatepost.sasl.oauthbearer import OauthBearer, oauthbearer
from tests.unit.sasl.play import DENIED, SIDE, Users, drive, play

USER = "user@example.com"
TOKEN = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
# RFC 7628, section 4.1, decoded
IMAP = (
    b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01"
    b"auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01"
)
ASKED = Verify(Credentials(USER, token=Secret(TOKEN)), "OAUTHBEARER")


def test_the_client_sends_the_example() -> None:
    mechanism = OauthBearer(USER, Secret(TOKEN), "server.example.com", 143)
    assert next(mechanism.exchange()) == IMAP


def test_host_and_identity_are_optional() -> None:
    assert next(OauthBearer("", Secret("t")).exchange()) == b"n,,\x01auth=Bearer t\x01\x01"


@pytest.mark.parametrize("response", [IMAP, IMAP.replace(b"n,", b"y,", 1)])
def test_the_server_reads_the_example(response: bytes) -> None:
    questions, verdict = drive(oauthbearer(response, SIDE), Principal(USER))
    assert questions == [ASKED]
    assert verdict == Principal(USER, mechanism="OAUTHBEARER")
    questions, _ = drive(oauthbearer(None, SIDE), response)
    assert questions == [Challenge(b""), ASKED]


def test_a_refused_token_is_explained_and_the_client_says_control_a() -> None:
    # RFC 7628, sections 3.2.2 and 3.2.3
    side = ServerSide(scope="example_scope", refusal=DENIED)
    played = play(OauthBearer(USER, Secret("expired")), Users({USER: TOKEN}), side)
    [_, (_, document), answer] = played.said
    assert document == b'{"status":"invalid_token","schemes":"bearer","scope":"example_scope"}'
    assert answer == ("C", b"\x01")
    assert played.verdict == DENIED


@pytest.mark.parametrize("body", [b"auth=\x01\x01", b"\x01", b"auth=Basic eA\x01\x01"])
def test_a_client_without_token_learns_the_scope(body: bytes) -> None:
    # RFC 7628, section 4.3
    questions, verdict = drive(oauthbearer(b"n,,\x01" + body, SIDE), b"\x01")
    assert questions == [Challenge(b'{"status":"invalid_token","schemes":"bearer"}')]
    assert verdict == DENIED


@pytest.mark.parametrize("name", ["user", "a,b=c", "rené", "=2C"])
def test_any_name_survives_the_header(name: str) -> None:
    played = play(OauthBearer(name, Secret("t")), Users({name: "t"}), initial=False)
    assert played.verdict == Principal(name, mechanism="OAUTHBEARER")


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"\x01",
        b"n,,",
        b"n,,\x01",
        IMAP[:-1],
        IMAP[2:],
        b"p=tls-exporter" + IMAP[1:],
        IMAP.replace(b"a=", b"b="),
        IMAP.replace(b"user@", b"us=er@"),
        IMAP.replace(b"port=143", b"port"),
        IMAP.replace(b"user@", b"\xff@"),
    ],
)
def test_malformed_responses_are_refused(response: bytes) -> None:
    with pytest.raises(MalformedResponse):
        drive(oauthbearer(response, SIDE))


@pytest.mark.parametrize(("user", "token"), [("a\x01", "t"), ("a\0", "t"), ("a", "t\x01")])
def test_control_characters_would_break_the_frame(user: str, token: str) -> None:
    with pytest.raises(UnusableCredentials):
        OauthBearer(user, Secret(token))


def test_the_secret_does_not_show() -> None:
    assert TOKEN not in repr(OauthBearer(USER, Secret(TOKEN)))
    _, verdict = drive(oauthbearer(b"n,,\x01auth=Basic c2VjcmV0\x01\x01", SIDE), b"\x01")
    assert isinstance(verdict, Reply)
    assert "c2VjcmV0" not in verdict.reason
