"""The clock that a test sets."""

from datetime import UTC, datetime

import pytest

from gatepost.testing import FakeClock


def test_time_passes_only_when_told() -> None:
    clock = FakeClock()
    before, start = clock.now(), clock.monotonic()
    assert clock.now() == before
    clock.advance(1.5)
    assert (clock.now() - before).total_seconds() == 1.5
    assert clock.monotonic() - start == 1.5


def test_the_wall_clock_may_jump_alone() -> None:
    clock = FakeClock()
    clock.set_time(datetime(2020, 1, 1, tzinfo=UTC))
    assert clock.now().year == 2020
    assert clock.monotonic() == 0.0


def test_time_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match="cannot go back"):
        FakeClock().advance(-1)
