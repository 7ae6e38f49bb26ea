"""The contract of every client mechanism."""

import pytest

from gatepost.errors import GatepostError, LocalProtocolError
from gatepost.model.credentials import Credentials, Principal
from gatepost.model.secret import Secret
from gatepost.sasl.channel import Channel, ChannelBinding
from gatepost.sasl.exchange import ExchangeContext, UnusableCredentials, conclude
from gatepost.sasl.interview import Challenge, Lookup, ServerSide, Verify
from gatepost.sasl.mechanisms import MECHANISMS, client, interview
from tests.unit.sasl.play import CLIENT_NONCE, DENIED, SERVER_NONCE, Users, drive, play

BINDING = ChannelBinding("tls-server-end-point", b"hash")
SIDE = ExchangeContext(Channel(True, True, binding=BINDING), tuple(MECHANISMS), CLIENT_NONCE)
SERVER = ServerSide(
    SERVER_NONCE, bindings=(BINDING,), offered=frozenset(MECHANISMS), refusal=DENIED
)
SECRET = "open-sesame"
ALL = Credentials("user", Secret(SECRET), Secret(SECRET), certificate=True)
USERS = Users({"user": SECRET}, certificate_of="user")

every = pytest.mark.parametrize("name", MECHANISMS)


@every
def test_a_mechanism_is_called_as_the_table_says(name: str) -> None:
    mechanism = client(name.lower(), ALL, SIDE)
    assert mechanism.name == name
    assert isinstance(mechanism, MECHANISMS[name].kind)


@every
def test_it_speaks_first_if_it_says_so(name: str) -> None:
    mechanism = client(name, ALL, SIDE)
    assert (next(mechanism.exchange()) is not None) is mechanism.speaks_first


@every
@pytest.mark.parametrize("initial", [True, False])
def test_client_and_server_of_one_mechanism_agree(name: str, initial: bool) -> None:
    played = play(client(name, ALL, SIDE), USERS, SERVER, initial=initial)
    assert played.verdict == Principal("user", mechanism=name)


@every
def test_mechanisms_declare_whether_and_when_they_reveal_the_secret(name: str) -> None:
    mechanism = client(name, ALL, SIDE)
    played = play(mechanism, USERS, SERVER)
    responses = [text for who, text in played.said if who == "C"]
    revealing = [n for n, text in enumerate(responses, 1) if SECRET.encode() in text]
    assert revealing == ([mechanism.secret_in] if mechanism.reveals_secret else [])
    assert mechanism.secret_in <= len(responses)


@every
def test_it_can_be_run_again(name: str) -> None:
    mechanism = client(name, ALL, SIDE)
    assert play(mechanism, USERS, SERVER) == play(mechanism, USERS, SERVER)


@every
def test_the_secret_does_not_show(name: str) -> None:
    mechanism = client(name, ALL, SIDE)
    assert "sesame" not in repr(mechanism) + repr(play(mechanism, USERS, SERVER).questions)


@every
@pytest.mark.parametrize(
    "credentials", [Credentials(), Credentials("user"), Credentials("user", Secret(""), Secret(""))]
)
def test_without_a_proof_there_is_no_mechanism(name: str, credentials: Credentials) -> None:
    with pytest.raises(UnusableCredentials):
        client(name, credentials, SIDE)


@pytest.mark.parametrize("name", ["LOGIN", "CRAM-MD5", "XOAUTH2"])
def test_some_mechanisms_carry_no_authzid(name: str) -> None:
    def acting_as(authzid: str) -> Credentials:
        return Credentials("user", Secret(SECRET), Secret(SECRET), authzid=authzid)

    with pytest.raises(UnusableCredentials, match="identity to act as"):
        client(name, acting_as("root"), SIDE)
    assert client(name, acting_as("user"), SIDE) == client(name, acting_as(""), SIDE)


@pytest.mark.parametrize("name", sorted(set(MECHANISMS) - {"LOGIN", "CRAM-MD5", "XOAUTH2"}))
def test_others_can_and_the_server_refuses(name: str) -> None:
    credentials = Credentials("user", Secret(SECRET), Secret(SECRET), True, "root")
    assert play(client(name, credentials, SIDE), USERS, SERVER).verdict == DENIED


def test_login_sends_the_name_with_the_command_only_when_told() -> None:
    assert next(client("LOGIN", ALL, SIDE).exchange()) is None
    eager = ExchangeContext(eager_login=True)
    assert next(client("LOGIN", ALL, eager).exchange()) == b"user"


@pytest.mark.parametrize("name", [name for name in MECHANISMS if "SCRAM" in name or "MD5" in name])
def test_without_a_nonce_there_is_no_challenge_to_be_replayed(name: str) -> None:
    with pytest.raises(ValueError, match="nonce"):
        drive(interview(name, None, ServerSide()))


@pytest.mark.parametrize("name", ["", "NTLM", "PLAIN ", "x" * 5_000])
def test_an_unknown_mechanism_is_our_own_mistake(name: str) -> None:
    with pytest.raises(LocalProtocolError) as error:
        client(name, ALL, SIDE)
    assert len(str(error.value)) < 100
    with pytest.raises(LocalProtocolError):
        interview(name, None, SERVER)


def test_unusable_credentials_are_ours_and_a_value_error() -> None:
    assert issubclass(UnusableCredentials, GatepostError)
    assert issubclass(UnusableCredentials, ValueError)


@pytest.mark.parametrize("name", [name for name in MECHANISMS if not name.startswith("SCRAM")])
def test_success_at_any_moment_concludes_what_owes_no_proof(name: str) -> None:
    exchange = client(name, ALL, SIDE).exchange()
    next(exchange)
    conclude(exchange)
    conclude(exchange)
    with pytest.raises(StopIteration):
        exchange.send(b"")


@pytest.mark.parametrize(
    ("name", "initial", "question"),
    [
        ("PLAIN", b"\0a\0b", Verify),
        ("SCRAM-SHA-1", b"n,,n=a,r=b", Lookup),
        ("LOGIN", None, Challenge),
    ],
)
def test_a_wrong_answer_is_the_callers_mistake(
    name: str, initial: bytes | None, question: type
) -> None:
    started = interview(name, initial, SERVER)
    assert isinstance(next(started), question)
    with pytest.raises(TypeError):
        started.send(Principal("x") if question is Challenge else b"x")
    assert drive(interview(name, initial, SERVER))[1] is None
