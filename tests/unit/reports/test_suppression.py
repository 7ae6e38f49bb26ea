"""The managed list as a state machine over time, and the scope of a customer's list."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gatepost.model.report import SuppressedPeriod
from gatepost.reports.suppression import (
    PERIODS,
    after_bounce,
    after_send,
    is_for_sender,
    is_in_force,
)
from tests.examples import examples

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_the_periods_are_the_provider_s() -> None:
    assert [period / HOUR for period in PERIODS] == [24, 48, 96, 168, 336]


def test_each_send_within_a_period_prolongs_it_up_to_two_weeks() -> None:
    period = after_bounce(None, "Ann@Example.net", NOON)
    assert period == SuppressedPeriod("ann@example.net", 0, NOON, NOON + 24 * HOUR)
    now = NOON
    for hours in (48, 96, 168, 336, 336):
        now += HOUR
        period = after_send(period, now)
        assert period.until == now + hours * HOUR


def test_a_period_without_a_send_restarts_the_cycle() -> None:
    period = after_send(after_bounce(None, "a@b", NOON), NOON + HOUR)
    end = period.until
    assert is_in_force(period, end - timedelta(microseconds=1))
    assert not is_in_force(period, end)
    assert after_bounce(period, "a@b", end) == SuppressedPeriod("a@b", 0, end, end + 24 * HOUR)


def test_a_future_bounce_suppresses_no_address_yet() -> None:
    period = after_bounce(None, "a@b", NOON + HOUR)
    assert not is_in_force(period, NOON)
    assert is_in_force(period, NOON + HOUR)


@pytest.mark.parametrize(
    ("name", "username", "holds"),
    [("", "news", True), ("News", "news", True), ("news", "NEWS", True), ("other", "news", False)],
)
def test_a_customer_s_list_holds_for_the_sender_of_its_name(
    name: str, username: str, holds: bool
) -> None:
    assert is_for_sender(name, username) is holds


class ManagedList(RuleBasedStateMachine):
    """One address: bounces, sends and time, against the provider's words taken literally."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.period: SuppressedPeriod | None = None
        self.hours_left: float | None = None
        """Of the model's period; None: not listed."""
        self.level = 0

    @rule(hours=st.integers(0, 400))
    def time_passes(self, hours: int) -> None:
        self.now += hours * HOUR
        if self.hours_left is not None:
            self.hours_left -= hours
            if self.hours_left <= 0:
                self.hours_left = None

    @precondition(lambda self: self.hours_left is None)
    @rule()
    def a_send_bounces(self) -> None:
        self.period = after_bounce(self.period, "a@b", self.now)
        self.hours_left, self.level = 24, 0

    @precondition(lambda self: self.hours_left is not None)
    @rule()
    def a_send_is_dropped(self) -> None:
        assert self.period is not None
        assert self.hours_left is not None
        self.period = after_send(self.period, self.now)
        self.level = min(self.level + 1, 4)
        self.hours_left = max(self.hours_left, (24, 48, 96, 168, 336)[self.level])

    @precondition(lambda self: self.hours_left is not None)
    @rule()
    def an_earlier_send_bounces_late(self) -> None:
        self.period = after_bounce(self.period, "a@b", self.now)

    @invariant()
    def both_say_the_same(self) -> None:
        assert is_in_force(self.period, self.now) is (self.hours_left is not None)
        if self.period is not None and self.hours_left is not None:
            assert self.period.level == self.level
            assert self.period.until == self.now + self.hours_left * HOUR


TestManagedList = ManagedList.TestCase
TestManagedList.settings = settings(max_examples=examples(40))
