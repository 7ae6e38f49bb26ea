"""A failing peer is left alone, longer each time, and then tried once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.queue.circuit_breaker import HOST, RATE, TRIAL, Breaker, BreakerTimes

STEADY = BreakerTimes(threshold=3, first=30, factor=2, longest=100, jitter=0)


def middle() -> float:
    return 0.5


def opened(patience: BreakerTimes = STEADY) -> Breaker:
    breaker = Breaker(patience)
    for _ in range(patience.threshold):
        breaker.record_failure(0, middle, "refused")
    return breaker


def test_it_opens_at_the_threshold() -> None:
    breaker = Breaker(STEADY)
    for _ in range(2):
        breaker.record_failure(0, middle, "refused")
        assert (breaker.state(0), breaker.wait(0)) == ("closed", 0)
    breaker.record_failure(0, middle, "refused")
    assert (breaker.state(0), breaker.wait(0), breaker.reason) == ("open", 30, "refused")
    assert breaker.wait(29) == 1


def test_a_success_between_failures_counts() -> None:
    breaker = Breaker(STEADY)
    for _ in range(9):
        breaker.record_failure(0, middle, "refused")
        breaker.record_success(0)
    assert breaker.state(0) == "closed"


def test_one_trial_at_a_time() -> None:
    breaker = opened()
    assert (breaker.state(30), breaker.wait(30)) == ("half-open", 0)
    breaker.begin(30)
    assert breaker.wait(31) == TRIAL - 1
    breaker.abandon_trial()
    assert breaker.wait(31) == 0


def test_a_trial_without_result_is_forgotten() -> None:
    breaker = opened()
    breaker.begin(30)
    assert breaker.wait(30 + TRIAL) == 0


def test_a_successful_trial_closes_it() -> None:
    breaker = opened()
    breaker.begin(30)
    breaker.record_success(31)
    assert (breaker.state(31), breaker.wait(31), breaker.reason) == ("closed", 0, "")


def test_a_success_of_an_attempt_that_was_under_way_closes_it() -> None:
    """The peer works: it lets in only so many at a time, and does not say so."""
    breaker = Breaker(STEADY)
    for _ in range(3):
        breaker.record_failure(10, middle, "refused")
    assert breaker.record_success(11, begun=10.5) == "closed", (
        "one after the opening proves nothing of those"
    )
    assert breaker.wait(11) == 29
    assert breaker.record_success(12, begun=9) == "open"
    assert (breaker.state(12), breaker.wait(12), breaker.reason) == ("closed", 0, "")
    for _ in range(3):
        breaker.record_failure(13, middle, "refused")
    assert breaker.wait(13) == 30, "that was no relapse"


def test_also_after_a_single_failure_that_was_enough() -> None:
    breaker = Breaker(STEADY)
    breaker.record_failure(10, middle, "no connection in time", 30)
    assert breaker.record_success(12, begun=9) == "open"
    assert breaker.wait(12) == 0


def test_but_no_rest_that_was_asked_for() -> None:
    paused, told = Breaker(STEADY), Breaker(STEADY)
    paused.pause(10, 60, "Retry-After")
    told.record_failure(10, middle, "no answer", 60, is_firm=True)
    for each in paused, told:
        assert each.record_success(12, begun=9) == "closed"
        assert each.wait(12) == 58


def test_a_firm_failure_counts_whatever_failed_before_or_after() -> None:
    """Also where it does not change how long the breaker is open."""
    before, after, paused = Breaker(STEADY), Breaker(STEADY), Breaker(STEADY)
    before.record_failure(10, middle, "no answer", 60)
    before.record_failure(11, middle, "lost at AUTH", 30, is_firm=True)
    after.record_failure(10, middle, "lost at AUTH", 30, is_firm=True)
    after.record_failure(11, middle, "no answer", 60)
    paused.record_failure(10, middle, "no answer", 60)
    paused.pause(11, 30, "Retry-After")
    for each in before, after, paused:
        assert each.record_success(12, begun=9) == "closed"
        assert each.state(12) == "open"
    after.record_failure(100, middle, "no answer", 60)
    assert after.record_success(101, begun=99) == "open", "that was another pause"


def test_a_failed_trial_opens_it_for_longer() -> None:
    breaker, now, waits = opened(), 0.0, []
    for _ in range(4):
        waits.append(breaker.wait(now))
        now += breaker.wait(now)
        breaker.begin(now)
        breaker.record_failure(now, middle, "refused")
    assert waits == [30, 60, 100, 100]


def test_an_early_relapse_continues_the_growth() -> None:
    breaker = opened()
    breaker.record_success(30)
    for _ in range(3):
        breaker.record_failure(40, middle, "refused")
    assert breaker.wait(40) == 60


def test_a_late_failure_starts_again() -> None:
    breaker = opened()
    breaker.record_success(30)
    for _ in range(3):
        breaker.record_failure(100, middle, "refused")
    assert breaker.wait(100) == 30


def test_attempts_begun_before_it_opened_are_ignored() -> None:
    breaker = opened()
    for _ in range(20):
        breaker.record_failure(1, middle, "refused")
    assert breaker.wait(1) == 29
    breaker.record_success(1)
    assert breaker.state(1) == "open", "an old connection's success does not close it"


@pytest.mark.parametrize("asked", [4.0, 7200.0])
def test_a_requested_pause_is_respected(asked: float) -> None:
    """Not less, not more, and no longer the next time."""
    breaker, now = Breaker(RATE), 0.0
    for _ in range(3):
        breaker.pause(now, asked, "Retry-After")
        assert breaker.wait(now) == asked
        now += asked
        assert breaker.wait(now) == 0
        breaker.begin(now)


def test_a_longer_pause_is_not_shortened() -> None:
    breaker = Breaker(RATE)
    breaker.pause(0, 60, "Retry-After")
    breaker.pause(10, 5, "Retry-After")
    assert breaker.wait(10) == 50


def test_too_much_mail_pauses_up_to_an_hour() -> None:
    breaker, now, waits = Breaker(RATE), 0.0, []
    for _ in range(6):
        breaker.record_failure(now, middle, "450 4.5.127")
        waits.append(breaker.wait(now))
        now += breaker.wait(now)
        breaker.record_success(now)  # one goes through, the next one does not
        now += 1
    assert waits == [60, 180, 540, 1620, 3600, 3600]


STEPS = st.lists(st.tuples(st.sampled_from(["fail", "succeed", "begin"]), st.floats(0, 4000)))


@given(STEPS, st.floats(0, 1, exclude_max=True))
def test_it_always_permits_another_attempt(steps: list[tuple[str, float]], roll: float) -> None:
    breaker, now = Breaker(HOST), 0.0
    for step, seconds in steps:
        now += seconds
        wait = breaker.wait(now)
        assert 0 <= wait <= max(HOST.longest, TRIAL)
        assert (wait == 0) or breaker.state(now) != "closed"
        if step == "fail":
            breaker.record_failure(now, lambda: roll, "refused")
        elif step == "succeed":
            breaker.record_success(now)
        elif wait == 0:
            breaker.begin(now)
    assert breaker.wait(now + max(HOST.longest, TRIAL)) == 0
