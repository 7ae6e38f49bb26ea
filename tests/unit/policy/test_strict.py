"""Strict limits: counted per subscription, whoever of it asks."""

import pytest

from gatepost.model.credentials import Principal
from gatepost.model.profile import StrictLimits
from gatepost.policy.strict import StrictPolicy
from gatepost.profiles import load_profile
from gatepost.wire.server.replies import replies_with

ACS = load_profile("acs")
ONE = Principal("one", subscription_id="s1")
SAME = Principal("same", subscription_id="s1")
OTHER = Principal("other", subscription_id="s2")


def policy(limits: StrictLimits = ACS.strict) -> StrictPolicy:
    return StrictPolicy(limits, replies_with(ACS.replies))


def test_connections_are_counted_in_and_out() -> None:
    made = policy(StrictLimits(connections=2))
    assert made.enter(ONE) is None
    assert made.enter(SAME) is None
    refusal = made.enter(ONE)
    assert refusal is not None
    assert refusal.encode() == b"421 4.3.2 Service not available\r\n"
    assert made.enter(OTHER) is None, "another subscription"
    made.leave(SAME)
    assert made.enter(ONE) is None, "the refused one was not counted"


def test_nothing_is_kept_of_who_left() -> None:
    made = policy()
    made.enter(ONE)
    made.leave(ONE)
    assert not made._connections


@pytest.mark.parametrize(("managed", "allowed"), [(True, 5), (False, 30)])
def test_messages_in_a_minute(managed: bool, allowed: int) -> None:
    made = policy()
    refusals = [made.admit(ONE, 1, 0, managed=managed) for _ in range(allowed)]
    assert refusals == [None] * allowed
    refusal = made.admit(SAME, 1, 0, managed=managed)
    assert refusal is not None
    assert (refusal.code, str(refusal.status)) == (450, "4.5.127")
    assert made.admit(OTHER, 1, 0, managed=managed) is None
    assert made.admit(ONE, 1, 0, managed=not managed) is None, "a window for each kind"


def test_the_effective_size() -> None:
    made = policy()
    assert made.admit(ONE, 10_485_760, 0, managed=True) is None
    refusal = made.admit(ONE, 10_485_761, 0, managed=True)
    assert refusal is not None
    assert (refusal.code, str(refusal.status)) == (552, "5.3.4")


def test_a_refused_message_counts() -> None:
    made = policy()
    for _ in range(5):
        made.admit(ONE, 99_999_999, 0, managed=True)
    refusal = made.admit(ONE, 1, 0, managed=True)
    assert refusal is not None
    assert refusal.code == 450


def test_without_limits_everything_passes() -> None:
    made = policy(StrictLimits())
    assert [made.enter(ONE) for _ in range(300)] == [None] * 300
    assert [made.admit(ONE, 10**9, 0, managed=True) for _ in range(300)] == [None] * 300
