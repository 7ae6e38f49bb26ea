"""The system clock jumps while mail waits: nothing is lost or sent twice."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gatepost.errors import QueueError
from gatepost.relay.leasing import LOOK
from tests.simulated_delivery import (
    DAY,
    GREYLISTED,
    HOUR,
    MINUTE,
    Answer,
    Upstream,
    World,
    route,
    smarthost,
    steady,
    unreachable,
)

JUMPS = [-6 * HOUR, -HOUR, -MINUTE, MINUTE, HOUR, 3 * DAY, 10 * DAY, 40 * 365 * DAY]
names = pytest.mark.parametrize("jump", JUMPS, ids=str)


def jumped(world: World, jump: timedelta) -> None:
    world.clock.set_time(world.clock.now() + jump)


@names
def test_waiting_mail_is_delivered_once_and_new_mail_at_once(jump: timedelta) -> None:
    first = [Answer((GREYLISTED,), "rcpt")]

    def say(*_: object) -> Answer:
        return first.pop() if first else Answer()

    hub = Upstream(smarthost(), say)
    world = World([hub], [route(hub.target, retry=steady(warn=None))])

    async def scenario(world: World) -> None:
        await world.send(world.mail("m1"))
        await asyncio.sleep(1)
        jumped(world, jump)
        await world.send(world.mail("m2"))
        await asyncio.sleep(0.1)
        assert hub.taken[0] == ("m2", "bob@example.net")
        # Put forward, it is due at the next look; put back, when its time has come again.
        await asyncio.sleep(120 + max(0.0, -jump.total_seconds()))

    world.run(scenario)
    assert sorted(hub.taken) == [("m1", "bob@example.net"), ("m2", "bob@example.net")]
    assert not world.told("message_failed"), "its time was up, but it had its last attempt"
    assert not world.told("internal_error")


@pytest.mark.parametrize("jump", [-HOUR, HOUR, 3 * DAY], ids=str)
def test_the_length_of_a_pause_does_not_change(jump: timedelta) -> None:
    """Servers are left alone by a clock that nobody puts."""
    hub = Upstream(smarthost(), unreachable())
    world = World([hub], [route(hub.target, retry=steady())])

    async def scenario(world: World) -> None:
        for number in range(3):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(1)
        tries = len(hub.tries)
        jumped(world, jump)
        await asyncio.sleep(15)
        assert len(hub.tries) == tries == 3
        hub.say = Answer()
        await asyncio.sleep(120 + max(0.0, -jump.total_seconds()))
        assert len(hub.taken) == 3

    world.run(scenario)
    assert not world.told("internal_error")


def test_mail_is_due_if_its_time_came_before_the_clock_was_set_back() -> None:
    later = [Answer((GREYLISTED,), "rcpt")]
    hub = Upstream(smarthost(), lambda *_: later.pop() if later else Answer())
    world = World([hub], [route(hub.target, retry=steady())])

    async def scenario(world: World) -> None:
        await world.send(world.mail("m1"))
        await asyncio.sleep(1)
        jumped(world, -30 * DAY)
        await asyncio.sleep(LOOK + 1)
        assert hub.taken == [("m1", "bob@example.net")]

    world.run(scenario)
    assert world.told("clock_put_back") == [{"seconds": round(30 * DAY.total_seconds())}]


def test_a_relay_that_starts_after_the_clock_was_put_back_notices_it() -> None:
    """As in a virtual machine whose clock is put right between two starts."""
    later = [Answer((GREYLISTED,), "rcpt")]
    hub = Upstream(smarthost(), lambda *_: later.pop() if later else Answer())
    world = World([hub], [route(hub.target, retry=steady(first=HOUR))])

    async def scenario(world: World) -> None:
        await world.send(world.mail("m1"))
        await asyncio.sleep(LOOK + 1)
        await world.kill()
        jumped(world, -6 * HOUR)
        await world.start()
        await asyncio.sleep(1)
        assert hub.taken == [("m1", "bob@example.net")]

    world.run(scenario)
    [told] = world.told("clock_put_back")
    assert 6 * 3600 - LOOK <= told["seconds"] <= 6 * 3600


def test_a_failed_store_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    later = [Answer((GREYLISTED,), "rcpt")]
    hub = Upstream(smarthost(), lambda *_: later.pop() if later else Answer())
    world = World([hub], [route(hub.target, retry=steady())])
    act, failures = world.deliveries.act, [QueueError("not now"), QueueError("nor now")]

    async def failing(*arguments: Any) -> int:
        if failures:
            raise failures.pop()
        return await act(*arguments)

    monkeypatch.setattr(world.deliveries, "act", failing)

    async def scenario(world: World) -> None:
        await world.send(world.mail("m1"))
        await asyncio.sleep(1)
        jumped(world, -30 * DAY)
        await asyncio.sleep(LOOK + 5)
        assert hub.taken == [("m1", "bob@example.net")]

    world.run(scenario)
    assert len(world.told("clock_put_back")) == 1
    assert len(world.told("queue_unavailable")) == 2


def test_a_clock_that_begins_in_1970() -> None:
    """Accepted before the clock was put right: delivered at once, and tried again after it."""
    later = [Answer((GREYLISTED,), "rcpt")]
    hub = Upstream(smarthost(), lambda *_: later.pop() if later else Answer())
    world = World([hub], [route(hub.target, retry=steady())])

    async def scenario(world: World) -> None:
        now = world.clock.now()
        world.clock.set_time(datetime(1970, 1, 1, tzinfo=UTC))
        await world.send(world.mail("m1"))
        await asyncio.sleep(1)
        world.clock.set_time(now)
        await asyncio.sleep(60)

    world.run(scenario)
    assert hub.taken == [("m1", "bob@example.net")]
