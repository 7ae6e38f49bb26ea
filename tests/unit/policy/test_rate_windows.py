"""Rate windows: sliding, per key, and refused attempts count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.model.profile import StrictLimits
from gatepost.policy.rate_windows import HOUR, MINUTE, Rate, RateWindows, rate_of
from gatepost.profiles import load_profile
from gatepost.wire.server.replies import Replies, replies_with

REPLIES = Replies()
MANAGED = Rate(5, 10)


def answers(rate: Rate, times: list[float]) -> list[bool]:
    """Return for each message whether it was let through."""
    windows = RateWindows()
    return [windows.admit("s", rate, now, REPLIES) is None for now in times]


@pytest.mark.parametrize(
    ("rate", "times", "admitted"),
    [
        (MANAGED, [0, 0, 0, 0, 0], "yyyyy"),
        (MANAGED, [0, 0, 0, 0, 0, 0], "yyyyyn"),
        (MANAGED, [0, 1, 2, 3, 4, 59.9], "yyyyyn"),
        (MANAGED, [0, 1, 2, 3, 4, 60, 60.5], "yyyyyyn"),
        (MANAGED, [float(60 * n) for n in range(11)], "y" * 10 + "n"),
        (MANAGED, [*(60.0 * n for n in range(10)), 3599.9, 3600.0], "y" * 10 + "nn"),
        (MANAGED, [*(60.0 * n for n in range(10)), 3600.0], "y" * 10 + "y"),
        (Rate(None, 2), [0, 0, 0, 4000], "yyny"),
        (Rate(2, None), [0, 0, 0, 4000], "yyny"),
        (Rate(), [0.0] * 20, "y" * 20),
        (Rate(0, 5), [0, 100], "nn"),
        (Rate(None, None, 2), [0, 1, 86_399, 3 * 86_400.0], "yyny"),
        (Rate(500, 2000, 3), [0, 3600, 7200, 10_800, 86_400 * 2.0], "yyyny"),
        (Rate(1, None, None, count_refused=False), [0, 30, 60], "yny"),
        (Rate(1, None, None, count_refused=True), [0, 30, 60], "ynn"),
    ],
)
def test_rates_admit(rate: Rate, times: list[float], admitted: str) -> None:
    assert "".join("ny"[each] for each in answers(rate, times)) == admitted


def test_continued_attempts_stay_refused() -> None:
    """Every 12 seconds is 5 a minute: only a pause ends it."""
    outcome = answers(Rate(5, None), [0.0] * 6 + [10.0 * n for n in range(1, 100)])
    assert not any(outcome[6:])


@pytest.mark.parametrize(
    ("rate", "times", "now", "wait"),
    [
        (MANAGED, [], 0, 0),
        (MANAGED, [0, 1, 2, 3], 4, 0),
        (MANAGED, [0, 1, 2, 3, 4], 10, 50),
        (MANAGED, [float(60 * n) for n in range(10)], 600, 3000),
        (MANAGED, [0, 0, 0, 0, 0, 10], 10, 50),
        (Rate(1, None, None, count_refused=False), [0, 30], 30, 30),
        (Rate(0), [], 7, 60),
        (Rate(), [0, 0], 0, 0),
    ],
)
def test_how_long_to_wait(rate: Rate, times: list[float], now: float, wait: float) -> None:
    windows = RateWindows()
    for each in times:
        windows.admit("s", rate, each, REPLIES)
    assert max(0.0, windows.wait("s", rate, now)) == wait
    if rate.bounds and 0 not in (rate.per_minute, rate.per_hour):
        assert windows.admit("s", rate, now + wait, REPLIES) is None


def test_keys_do_not_share_a_window() -> None:
    windows = RateWindows()
    assert [windows.admit(key, Rate(1, 1), 0, REPLIES) is None for key in "aabb"] == [
        True, False, True, False,
    ]  # fmt: skip


def test_the_refusal_of_acs() -> None:
    profile = load_profile("acs")
    windows, rate = RateWindows(), rate_of(profile.strict, managed=True)
    replies = [windows.admit("s", rate, 0, replies_with(profile.replies)) for _ in range(6)]
    assert replies[:5] == [None] * 5
    assert replies[5] is not None
    assert replies[5].encode() == (
        b"450 4.5.127 Message rejected. Excessive message rate from sender. "
        b"For more information see https://aka.ms/EXOSmtpErrors.\r\n"
    )
    assert replies[5].reason.startswith("rate_limited: ")


@pytest.mark.parametrize(("managed", "rate"), [(True, Rate(5, 10)), (False, Rate(30, 100))])
def test_the_rates_of_acs(managed: bool, rate: Rate) -> None:
    assert rate_of(load_profile("acs").strict, managed=managed) == rate


def test_without_strict_limits_there_is_no_rate() -> None:
    assert rate_of(StrictLimits(), managed=True).bounds == ()


@given(
    st.integers(1, 6),
    st.integers(1, 12),
    st.lists(st.floats(0, 2 * HOUR, allow_nan=False), max_size=60).map(sorted),
)
def test_the_window_agrees_with_counting_everything(
    per_minute: int, per_hour: int, times: list[float]
) -> None:
    expected = [
        sum(now - then < MINUTE for then in times[:index]) < per_minute
        and sum(now - then < HOUR for then in times[:index]) < per_hour
        for index, now in enumerate(times)
    ]
    assert answers(Rate(per_minute, per_hour), times) == expected
