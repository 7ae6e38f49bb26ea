"""After a doubtful failure of a login, the next one is tried soon, alone, and then later."""

from gatepost.queue.login_pause import BUSY, LoginPause


def middle() -> float:
    return 0.5


def failed(number: int = 1, kept: int = 0) -> LoginPause:
    """Return a pause after failures at 0, 100, ..."""
    pause = LoginPause((2.0, 10.0, 60.0))
    for each in range(number):
        pause.record_failure(100.0 * each, 100.0 * each, middle, "535 no")
        pause.keep("hub", kept)
    return pause


def test_without_a_failure_nothing_waits() -> None:
    pause = failed(0)
    assert (pause.wait(0, "hub"), pause.seconds_left(0), pause.try_login("hub", 0)) == (0, 0, False)


def test_each_failure_in_a_row_makes_the_next_login_wait_longer() -> None:
    assert [failed(number).wait(100.0 * (number - 1)) for number in (1, 2, 3, 4)] == [2, 10, 60, 60]


def test_simultaneous_failures_count_once() -> None:
    pause = failed()
    pause.record_failure(0.5, -1, middle, "535 also no")
    assert (pause.failures, pause.wait(0), pause.reason) == (1, 2, "535 also no")
    assert pause.has_steps_left(0)


def test_its_steps_end() -> None:
    assert failed(2).has_steps_left(200)
    assert not failed(3).has_steps_left(300)
    assert failed(3).has_steps_left(-1), "it was in progress at the first failure"


def test_one_login_is_tried_at_a_time() -> None:
    pause = failed()
    assert pause.wait(2, "hub") == 0
    assert pause.try_login("hub", 0)
    assert pause.wait(2, "hub") == BUSY
    pause.end_login()
    assert pause.wait(2, "hub") == 0


def test_connections_that_have_signed_in_go_on() -> None:
    pause = failed(kept=8)
    assert pause.has_connections("hub")
    assert pause.wait(0, "hub", 7) == 0
    assert not pause.try_login("hub", 7), "it needs no login"
    assert pause.wait(0, "hub", 8) == 2
    assert pause.wait(0, "other", 0) == 2


def test_a_login_begun_after_the_failure_ends_the_pause() -> None:
    pause = failed(kept=8)
    pause.record_success(-1)
    assert pause.wait(0, "hub", 8) == 2
    pause.record_success(1)
    assert (pause.wait(1, "hub", 8), pause.reason, pause.failures) == (0, "", 0)
    assert not pause.has_connections("hub")
