"""The benchmark's login checks give the right outcomes, and none has become slow."""

from dataclasses import replace

import pytest

from bench import checks, world
from bench.checks import LIMIT_US, Case

BUSY = 10
"""Times what `make bench` allows: tests share the machine."""
BY = (checks.by_secret, checks.by_token, checks.by_scram, checks.by_key, checks.by_bearer)


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world, "APPLICATIONS", 200)
        small = world.World()
    return [case for each in BY for case in each(small)]


def test_every_check_has_its_outcome_in_time(cases: list[Case]) -> None:
    names = [case.name for case in cases]
    assert len(names) == len(set(names)) == 12
    slow = {
        case.name: took for case in cases if (took := checks.microseconds(case)) > BUSY * LIMIT_US
    }
    assert not slow


def test_unexpected_outcomes_are_not_measured(cases: list[Case]) -> None:
    for case in cases:
        with pytest.raises(ValueError, match="not the outcome that was to be measured"):
            checks.microseconds(replace(case, good=not case.good))
