"""The backlog is leased slowly while clients keep the event loop busy, and only then."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from gatepost.relay.backlog_throttle import LONGEST, OLD, RECENT, SAMPLE, TURNS, GivingWay
from gatepost.testing.clock import FakeClock
from tests.leases import lease
from tests.simulated_delivery import run


def waited(
    turn: float,
    *,
    age: timedelta = OLD,
    number: int = 1,
    since: float = 0.0,
    attempts: int = 0,
    released: timedelta | None = None,
) -> float:
    """Return how long it waits if turns take so long, after a message was accepted.

    ``released``: the age of the mail at which an operator made the queue due."""
    clock = FakeClock()
    seconds: list[float] = []
    leases = [lease(attempts=attempts)] * number
    leases = [
        replace(each, message=replace(each.message, received_at=clock.now())) for each in leases
    ]

    async def work(turns: int) -> None:
        for _ in range(turns):
            clock.advance(turn)
            await asyncio.sleep(0)

    async def steps() -> None:
        giving_way = GivingWay()
        giving_way.note_accepted()
        if released is not None:
            giving_way.note_release(leases[0].message.received_at + released)
        await asyncio.sleep(since)
        begun = clock.monotonic()
        working = asyncio.create_task(work(SAMPLE))
        await giving_way.wait_after(leases, leases[0].message.received_at + age)
        seconds.append(clock.monotonic() - begun)
        await working

    run(clock, steps())
    return seconds[0]


@pytest.mark.parametrize("number", [1, 4])
def test_it_waits_for_turns_of_a_busy_loop(number: int) -> None:
    own = SAMPLE * 0.002
    assert waited(0.002, number=number) == pytest.approx(own + number * TURNS * 0.002)


def test_it_does_not_wait_for_long() -> None:
    assert waited(0.1, number=50) == pytest.approx(SAMPLE * 0.1 + LONGEST)


def test_it_does_not_wait_for_new_mail_or_without_any_or_for_an_idle_loop() -> None:
    assert waited(0.002, age=OLD - timedelta(seconds=1)) == 0
    assert waited(0.002, since=RECENT + 0.01) == 0
    assert waited(0.0) == 0


def test_it_waits_for_young_mail_that_was_tried_before_or_released_by_an_operator() -> None:
    own, young = SAMPLE * 0.002, timedelta(seconds=2)
    expected = pytest.approx(own + TURNS * 0.002)
    assert waited(0.002, age=young, attempts=1) == expected
    assert waited(0.002, age=young, released=young) == expected
    assert waited(0.002, age=young, released=timedelta(seconds=-1)) == 0
