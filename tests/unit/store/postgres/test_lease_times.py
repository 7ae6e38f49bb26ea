"""How long leases take, and when that is too long."""

import pytest

from gatepost.store.postgres.lease_times import FEWEST, MOST, SLOW, WINDOW, LeaseTimes


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("seconds", "p99", "is_slow"),
    [
        ([0.01] * FEWEST, 0.01, False),
        ([0.01] * 198 + [5.0, 5.0], 5.0, True),
        ([0.01] * 199 + [5.0], 0.01, False),
        ([SLOW] * FEWEST, SLOW, False),
        ([5.0] * (FEWEST - 1), None, False),
        ([], None, False),
    ],
)
def test_one_of_a_hundred_may_be_slow(
    seconds: list[float], p99: float | None, *, is_slow: bool
) -> None:
    times = LeaseTimes(Clock())
    for each in seconds:
        times.note(each)
    assert times.p99 == p99
    assert bool(times.slowness) is is_slow


def test_old_leases_do_not_count() -> None:
    clock = Clock()
    times = LeaseTimes(clock)
    for _ in range(FEWEST):
        times.note(1.0)
    clock.now += WINDOW
    assert times.p99 == 1.0
    clock.now += 1
    assert times.p99 is None


def test_the_last_ones_count() -> None:
    times = LeaseTimes(Clock())
    for number in range(3 * MOST):
        times.note(1.0 if number < 2 * MOST else 0.5)
    assert times.p99 == 0.5
    assert len(times._times) == MOST
