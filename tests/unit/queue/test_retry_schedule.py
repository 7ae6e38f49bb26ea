"""RFC 5321 4.5.4.1: the times of attempts, and the end of the queue time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.model.route import Retry
from gatepost.queue.retry_schedule import SHORTEST, Times, due_notice, next_attempt, wait_after

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def middle() -> float:
    return 0.5


GROWING = Retry(first=MINUTE, factor=2, longest=HOUR)
TABLE = Retry(table=(5 * MINUTE, 15 * MINUTE, 2 * HOUR))
WAITS = [
    (GROWING, 1, MINUTE),
    (GROWING, 2, 2 * MINUTE),
    (GROWING, 6, 32 * MINUTE),
    (GROWING, 7, HOUR),
    (GROWING, 10_000, HOUR),
    (GROWING, 0, MINUTE),
    (Retry(first=DAY, longest=HOUR), 1, HOUR),
    (Retry(factor=1e300, longest=DAY), 60, DAY),
    (Retry(first=HOUR, factor=1.0), 10_000, HOUR),
    (TABLE, 1, 5 * MINUTE),
    (TABLE, 3, 2 * HOUR),
    (TABLE, 99, 2 * HOUR),
    (Retry(table=(timedelta(0),)), 1, SHORTEST),
]


@pytest.mark.parametrize(("retry", "attempts", "wait"), WAITS)
def test_waits(retry: Retry, attempts: int, wait: timedelta) -> None:
    assert wait_after(retry, attempts, middle) == wait


RETRIES = st.builds(
    Retry,
    first=st.timedeltas(timedelta(0), DAY),
    factor=st.floats(1, 10),
    longest=st.timedeltas(MINUTE, DAY),
    jitter=st.floats(0, 1),
    table=st.lists(st.timedeltas(timedelta(0), DAY), max_size=3).map(tuple),
    expire=st.timedeltas(MINUTE, 10 * DAY),
    warn=st.none() | st.timedeltas(MINUTE, 10 * DAY),
)
ROLLS = st.floats(0, 1)


@given(RETRIES, st.integers(1, 10_000), ROLLS)
def test_jitter_stays_in_its_bounds(retry: Retry, attempts: int, roll: float) -> None:
    usual = wait_after(Retry(
        first=retry.first, factor=retry.factor, longest=retry.longest, jitter=0, table=retry.table
    ), attempts, middle)  # fmt: skip
    wait = wait_after(retry, attempts, lambda: roll)
    assert wait >= SHORTEST
    spread = usual * retry.jitter + timedelta(milliseconds=1)
    assert usual - spread - SHORTEST <= wait <= usual + spread


@given(RETRIES, st.integers(1, 200), ROLLS, st.timedeltas(timedelta(0), 20 * DAY))
def test_the_next_attempt(retry: Retry, attempts: int, roll: float, age: timedelta) -> None:
    times = Times(retry, NOON)
    now = NOON + age
    again = next_attempt(times, now, attempts, lambda: roll, at_least=MINUTE)
    if age >= retry.expire:
        assert again is None
    else:
        assert again is not None
        assert now + SHORTEST <= again
        assert again <= max(times.expires_at, now + SHORTEST)
        assert again >= min(now + MINUTE, times.expires_at)


@given(RETRIES, ROLLS)
def test_every_delivery_ends(retry: Retry, roll: float) -> None:
    times, now, attempts = Times(retry, NOON), NOON, 0
    while attempts < 100_000:
        attempts += 1
        again = next_attempt(times, now, attempts, lambda: roll, at_least=retry.expire / 50)
        if again is None:
            break
        assert again > now
        now = again
    assert now >= times.expires_at


def test_the_last_attempt_is_made_when_the_time_is_up() -> None:
    times = Times(GROWING, NOON)
    almost = times.expires_at - MINUTE
    assert next_attempt(times, almost, 50, middle) == times.expires_at
    assert next_attempt(times, times.expires_at, 51, middle) is None


def test_a_clock_that_was_set_back_does_not_delay_mail() -> None:
    times = Times(GROWING, NOON)
    assert next_attempt(times, NOON - DAY, 1, middle) == NOON - DAY + MINUTE


NOTICES = [
    (Retry(), False, 4 * HOUR),
    (Retry(), True, 5 * DAY),
    (Retry(warn=None), False, 5 * DAY),
    (Retry(warn=6 * DAY), False, 5 * DAY),
]


@pytest.mark.parametrize(("retry", "warned", "after"), NOTICES)
def test_the_time_of_the_next_notification(retry: Retry, warned: bool, after: timedelta) -> None:
    assert Times(retry, NOON).notice_at(warned=warned) == NOON + after


@pytest.mark.parametrize(
    ("after", "due"), [(HOUR, None), (4 * HOUR, "warn"), (5 * DAY, "expire"), (6 * DAY, "expire")]
)
def test_the_due_notification(after: timedelta, due: str | None) -> None:
    assert due_notice(NOON + 5 * DAY, NOON + 4 * HOUR, NOON + after) == due
