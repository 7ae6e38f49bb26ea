"""Any name and secret sign in with every mechanism that can carry both; wrong ones do not."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gatepost.model.credentials import Credentials, Principal
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from gatepost.sasl.channel import Channel, ChannelBinding
from gatepost.sasl.exchange import (
    Exchange,
    ExchangeContext,
    MalformedChallenge,
    Mechanism,
    UnusableCredentials,
)
from gatepost.sasl.interview import Challenge, MalformedResponse, ServerSide
from gatepost.sasl.mechanisms import MECHANISMS, client, interview
from tests.examples import examples
from tests.unit.sasl.play import CLIENT_NONCE, DENIED, SERVER_NONCE, Users, play

BINDING = ChannelBinding("tls-exporter", b"keying material")
CLIENT = ExchangeContext(Channel(True, True, binding=BINDING), tuple(MECHANISMS), CLIENT_NONCE)
SERVER = ServerSide(
    SERVER_NONCE,
    bindings=(BINDING,),
    offered=frozenset(MECHANISMS),
    refusal=DENIED,
    scope="mail.send",
    explains=True,
)
WITH_NAMES = sorted(set(MECHANISMS) - {"EXTERNAL"})

tokens = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)
words = st.text(st.sampled_from("aZ09 ,=:+éßΩж密€\u00a0\u00ad"), min_size=1, max_size=20)
anything = tokens | words | st.text(min_size=1, max_size=40)

every = pytest.mark.parametrize("name", WITH_NAMES)


def mechanism_for(name: str, username: str, secret: str) -> Mechanism | None:
    """Return the mechanism; None if it cannot carry the pair."""
    credentials = Credentials(username, Secret(secret), Secret(secret))
    try:
        return client(name, credentials, CLIENT)
    except UnusableCredentials:
        return None


@every
@given(username=anything, secret=anything, initial=st.booleans())
@settings(max_examples=examples(40), deadline=None)
def test_the_right_secret_signs_in(name: str, username: str, secret: str, initial: bool) -> None:
    mechanism = mechanism_for(name, username, secret)
    if mechanism is None:
        assert name not in ("LOGIN", "CRAM-MD5"), "which can carry any text"
        return
    played = play(mechanism, Users({username: secret}), SERVER, initial=initial)
    assert isinstance(played.verdict, Principal)
    assert played.verdict.mechanism == name


@every
@given(username=tokens, secret=tokens, wrong=tokens)
@settings(max_examples=examples(25), deadline=None)
def test_a_wrong_secret_is_refused_and_an_unknown_name_no_differently(
    name: str, username: str, secret: str, wrong: str
) -> None:
    assume(secret != wrong)
    mechanism = mechanism_for(name, username, wrong)
    assert mechanism, "printable ASCII suits all"
    known = play(mechanism, Users({username: secret}), SERVER)
    unknown = play(mechanism, Users(), SERVER)
    assert isinstance(known.verdict, Reply)
    assert known.verdict == unknown.verdict == DENIED
    assert known.shape == unknown.shape


@every
@given(secret=tokens)
@settings(max_examples=examples(25), deadline=None)
def test_mechanisms_that_keep_the_secret_never_send_it(name: str, secret: str) -> None:
    secret = f"Tr0ub4dor&{secret}"
    mechanism = mechanism_for(name, "user", secret)
    assert mechanism, "printable ASCII suits all"
    played = play(mechanism, Users({"user": secret}), SERVER)
    said = b"\n".join(text for _, text in played.said)
    assert (secret.encode() in said) is mechanism.reveals_secret


@pytest.mark.parametrize("name", MECHANISMS)
@given(responses=st.lists(st.binary(max_size=60), max_size=4))
@settings(max_examples=examples(60))
def test_any_bytes_from_a_client_end_in_a_verdict_or_a_501(
    name: str, responses: list[bytes]
) -> None:
    assert ending(name, responses) in ("501", DENIED)


def ending(name: str, responses: list[bytes]) -> object:
    """Send the responses, then empty ones; return the outcome."""
    users = Users({"user": "secret"})
    pending = iter(responses)
    started = interview(name, next(pending, None), SERVER)
    try:
        question = next(started)
        while True:
            if isinstance(question, Challenge):
                question = started.send(next(pending, b""))
            else:
                question = started.send(users.answer(question))
    except MalformedResponse:
        return "501"
    except StopIteration as end:
        return end.value


@pytest.mark.parametrize("name", MECHANISMS)
@given(challenges=st.lists(st.binary(max_size=60), max_size=5))
@settings(max_examples=examples(60))
def test_any_bytes_from_a_server_end_the_exchange_or_are_malformed(
    name: str, challenges: list[bytes]
) -> None:
    credentials = Credentials("user", Secret("secret"), Secret("secret"), certificate=True)
    exchange = client(name, credentials, CLIENT).exchange()
    assert spoken(exchange, challenges) <= 3


def spoken(exchange: Exchange, challenges: list[bytes]) -> int:
    """Send the challenges until the exchange ends; return how often it answered."""
    answers = 0
    next(exchange)
    for challenge in challenges:
        try:
            response = exchange.send(challenge)
        except (StopIteration, MalformedChallenge):
            break
        assert isinstance(response, bytes)
        answers += 1
    return answers
