"""Strict limits: counted per subscription, over all users and processes."""

import pytest

from gatepost.model.address import Address
from gatepost.model.credentials import Principal
from gatepost.model.profile import StrictLimits
from gatepost.policy.quotas import LocalQuotas, SubscriptionQuotas
from gatepost.profiles import load_profile
from gatepost.wire.server.replies import replies_with

ACS = load_profile("acs")
ONE = Principal("one", subscription_id="s1")
SAME = Principal("same", subscription_id="s1")
OTHER = Principal("other", subscription_id="s2")
MANAGED, CUSTOM = Address("a", "X.azurecomm.net"), Address("a", "contoso.com")


class Counts:
    """Quotas at a time that the test sets."""

    def __init__(self, limits: StrictLimits = ACS.strict) -> None:
        self.now = 0.0
        self.all = SubscriptionQuotas(
            limits, replies_with(ACS.replies), lambda name: name == "x.azurecomm.net",
            lambda: self.now,
        )  # fmt: skip
        self.own = LocalQuotas(self.all, "front 1")


def test_connections_are_counted_in_and_out() -> None:
    counts = Counts(StrictLimits(connections=2))
    assert counts.own.enter(ONE) is None
    assert LocalQuotas(counts.all, "front 2").enter(SAME) is None
    refusal = counts.own.enter(ONE)
    assert refusal is not None
    assert refusal.encode() == b"421 4.3.2 Service not available\r\n"
    assert refusal.reason.startswith("too_many_connections: ")
    assert counts.own.enter(OTHER) is None, "another subscription"
    counts.own.leave(ONE)
    assert counts.own.enter(ONE) is None, "the refused one was not counted"


def test_a_process_that_dies_takes_its_connections_along() -> None:
    counts = Counts(StrictLimits(connections=1))
    assert counts.own.enter(ONE) is None
    assert LocalQuotas(counts.all, "front 2").enter(ONE) is not None
    counts.all.forget("front 1")
    assert LocalQuotas(counts.all, "front 2").enter(ONE) is None


@pytest.mark.parametrize(("sender", "allowed"), [(MANAGED, 5), (CUSTOM, 30)])
def test_messages_in_a_minute(sender: Address, allowed: int) -> None:
    counts = Counts()
    assert [counts.own.admit(ONE, sender) for _ in range(allowed)] == [None] * allowed
    refusal = counts.own.admit(SAME, sender)
    assert refusal is not None
    assert (refusal.code, str(refusal.status)) == (450, "4.5.127")
    assert counts.own.admit(OTHER, sender) is None
    other = CUSTOM if sender is MANAGED else MANAGED
    assert counts.own.admit(ONE, other) is None, "a window for each kind"


def test_the_window_slides() -> None:
    counts = Counts()
    assert [counts.own.admit(ONE, MANAGED) for _ in range(5)] == [None] * 5
    counts.now = 60.5
    assert counts.own.admit(ONE, MANAGED) is None


def test_without_limits_everything_passes() -> None:
    counts = Counts(StrictLimits())
    assert [counts.own.enter(ONE) for _ in range(300)] == [None] * 300
    assert [counts.own.admit(ONE, MANAGED) for _ in range(300)] == [None] * 300


@pytest.mark.parametrize(("shared", "admitted"), [(True, False), (False, True)])
def test_rest_and_smtp_share_a_count_unless_the_profile_says_otherwise(
    shared: bool, admitted: bool
) -> None:
    counts = Counts(StrictLimits(custom_per_minute=1, shared_rate=shared))
    rest = LocalQuotas(counts.all, "rest", face="rest")
    assert counts.own.admit(ONE, CUSTOM) is None
    assert (rest.admit(SAME, CUSTOM) is None) is admitted
    assert rest.wait(SAME, CUSTOM) == 60


def test_refused_mail_is_counted_if_configured() -> None:
    for counted in (True, False):
        counts = Counts(StrictLimits(custom_per_minute=1, count_refused=counted))
        outcome = []
        for counts.now in (0.0, 30.0, 60.0):
            outcome.append(counts.own.admit(ONE, CUSTOM) is None)
        assert outcome == [True, False, not counted]


def test_a_day_is_counted_where_a_quota_has_one() -> None:
    """A raised quota of the field: 500 a minute, 2,000 an hour, 48,000 a day."""
    raised = StrictLimits(custom_per_minute=500, custom_per_hour=2_000, custom_per_day=4_000)
    counts, admitted = Counts(raised), 0
    for minute in range(6 * 60):
        counts.now = minute * 60.0
        admitted += sum(counts.own.admit(ONE, CUSTOM) is None for _ in range(12))
    assert admitted == 4_000
