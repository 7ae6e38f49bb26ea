"""Event Grid's schedule, as its documentation describes it."""

from datetime import UTC, datetime, timedelta

import pytest

from gatepost.rest.events.webhook_retry import (
    ATTEMPTS_EXCEEDED,
    TIME_EXCEEDED,
    Backoff,
    Failure,
    again,
)

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
MINUTE = 60
HOUR = 3600


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [(1, 10), (2, 30), (3, MINUTE), (4, 5 * MINUTE), (5, 10 * MINUTE), (6, 30 * MINUTE),
     (7, HOUR), (8, HOUR), (29, HOUR)],
)  # fmt: skip
def test_the_schedule(attempts: int, seconds: int) -> None:
    for status in (0, 500, 302, 429):
        at = again(Backoff(), Failure(status, NOON), attempts, NOON, 0.0)
        assert at == NOON + timedelta(seconds=seconds)


def test_a_step_is_extended_at_random() -> None:
    at = again(Backoff(), Failure(500, NOON), 1, NOON, 0.5)
    assert at == NOON + timedelta(seconds=10.5)


@pytest.mark.parametrize(("status", "seconds"), [(404, 300), (408, 120), (503, 30), (500, 10)])
def test_some_codes_wait_longer(status: int, seconds: int) -> None:
    at = again(Backoff(), Failure(status, NOON), 1, NOON, 0.0)
    assert at == NOON + timedelta(seconds=seconds)


def test_no_code_waits_longer_than_the_schedule_does_in_the_end() -> None:
    at = again(Backoff(steps=(1.0, 2.0)), Failure(404, NOON), 1, NOON, 0.0)
    assert at == NOON + timedelta(seconds=2)


@pytest.mark.parametrize(
    ("status", "reason"),
    [(400, "BadRequest"), (401, "Unauthorized"), (403, "Forbidden"), (413, "PayloadTooLarge")],
)
def test_some_codes_end_it_at_once(status: int, reason: str) -> None:
    assert again(Backoff(), Failure(status, NOON), 1, NOON, 0.0) == reason


def test_the_schedule_ends_after_the_maximum_of_attempts() -> None:
    assert again(Backoff(), Failure(500, NOON), 30, NOON, 0.0) == ATTEMPTS_EXCEEDED
    assert again(Backoff(attempts=1), Failure(500, NOON), 1, NOON, 0.0) == ATTEMPTS_EXCEEDED


def test_it_ends_after_so_much_time() -> None:
    published = NOON - timedelta(hours=23)
    assert again(Backoff(), Failure(500, NOON), 25, published, 0.0) == TIME_EXCEEDED
    assert again(Backoff(), Failure(500, NOON), 2, published, 0.0) == NOON + timedelta(seconds=30)
