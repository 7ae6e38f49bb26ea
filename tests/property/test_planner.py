"""The planner with all kinds of credentials, connections and offers."""

from collections.abc import Iterator
from itertools import combinations, product

import pytest

from gatepost.model.credentials import Credentials
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from gatepost.sasl.channel import Channel, ChannelBinding
from gatepost.sasl.exchange import ExchangeContext
from gatepost.sasl.mechanisms import MECHANISMS, client
from gatepost.sasl.negotiate import PREFERENCE, after_refusal, plan

BINDING = ChannelBinding("tls-server-end-point", b"hash")
OFFERABLE = (*PREFERENCE, "NTLM")
EVERY_NAME = sorted(PREFERENCE)
CREDENTIALS = [
    Credentials(
        "user", Secret("pass") if password else None, Secret("tok") if token else None, both
    )
    for password, token, both in product([False, True], repeat=3)
]
CHANNELS = [
    Channel(encrypted, verified, loopback, reveal_anyway, binding)
    for encrypted, verified, loopback, reveal_anyway, binding in product(
        [False, True], [False, True], [False, True], [False, True], [None, BINDING]
    )
    if encrypted or not verified
]


def offers() -> Iterator[tuple[str, ...]]:
    """Yield all offers of at most two mechanisms, and of all but at most two: so each mechanism
    occurs with and without every other one."""
    for size in range(3):
        yield from combinations(PREFERENCE, size)
        yield from combinations(PREFERENCE, len(PREFERENCE) - size)


def described(channel: Channel) -> str:
    facts = ("encrypted", "verified", "loopback", "reveal_anyway", "binding")
    return " ".join(fact for fact in facts if getattr(channel, fact)) or "clear"


@pytest.mark.parametrize("channel", CHANNELS, ids=described)
def test_whatever_is_offered(channel: Channel) -> None:
    for credentials in CREDENTIALS:
        alone = plan(OFFERABLE, credentials, channel).mechanisms
        for offered in offers():
            planned = plan(offered, credentials, channel)
            taken = planned.mechanisms
            # An offer takes nothing away and adds nothing: the order is always the same.
            assert taken == tuple(name for name in alone if name in offered)
            names = [choice.mechanism for choice in planned.choices]
            assert sorted(names) == EVERY_NAME  # what is not offered has its reason, too
            assert all(choice.reason for choice in planned.choices)
            assert names[: len(taken)] == list(taken)


@pytest.mark.parametrize("channel", CHANNELS, ids=described)
@pytest.mark.parametrize("offered", [(), OFFERABLE], ids=["nothing", "everything"])
def test_whatever_is_asked_for(channel: Channel, offered: tuple[str, ...]) -> None:
    for only, credentials in product(["", *OFFERABLE], CREDENTIALS):
        taken = plan(offered, credentials, channel, only=only).mechanisms
        assert set(taken) <= ({only} if only else set(offered))
        side = ExchangeContext(channel, offered, "nonce")
        for name in taken:
            mechanism = client(name, credentials, side)
            assert mechanism.name == name
            assert not mechanism.reveals_secret or channel.is_private
            assert not name.endswith("-PLUS") or channel.binding
            assert MECHANISMS[name].needs != "token" or credentials.token
            assert MECHANISMS[name].needs != "password" or credentials.password


def test_no_secret_leaves_the_machine_in_clear() -> None:
    clear = [channel for channel in CHANNELS if not channel.encrypted and not channel.loopback]
    assert clear
    for channel, credentials in product(clear, CREDENTIALS):
        for name in plan(OFFERABLE, credentials, channel).mechanisms:
            assert not MECHANISMS[name].kind.reveals_secret


def test_the_order_of_the_offer_does_not_matter() -> None:
    credentials, channel = Credentials("user", Secret("pass")), Channel(True, True)
    backwards = plan(OFFERABLE[::-1], credentials, channel).mechanisms
    assert backwards == plan(OFFERABLE, credentials, channel).mechanisms
    assert len(backwards) > 3


def test_after_any_refusal_a_judged_secret_is_not_tried_again() -> None:
    for code, secret_sent, to_command in product(range(400, 600), [False, True], [False, True]):
        step = after_refusal(Reply(code), ["LOGIN"], secret_sent=secret_sent, to_command=to_command)
        assert step.reason
        if code < 500 or (secret_sent and code in (534, 535)):
            assert not step.mechanism
        if step.mechanism:
            assert code in (500, 501, 502, 504, 538) or not secret_sent
