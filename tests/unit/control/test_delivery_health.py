"""Whether each target delivers the mail that waits for it."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import timedelta
from typing import Any, cast

import pytest

from gatepost.control import delivery_health
from gatepost.control.delivery_health import FACTS, FRESH, LONGEST, MOST, DeliveryHealth
from gatepost.control.queue_control import QueueControl
from gatepost.control.queue_operations import operate_queue
from gatepost.errors import QueueError, TokenError
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import NextHop, Route
from gatepost.queue.cluster_contract import Cluster, NodeStatus
from gatepost.queue.last_deliveries import LastDeliveries, ages_document
from tests.contract.queued import planned
from tests.simulated_delivery import (
    GREYLISTED,
    UNKNOWN,
    Answer,
    Upstream,
    World,
    one_hub,
    route,
    smarthost,
    steady,
    unreachable,
)

AFTER = timedelta(minutes=30)
GOOD = {"delivering": True}
UNJUDGED = {"delivering": None}


class Nodes:
    """Another node, which says of itself what the test wants."""

    name = "a"

    def __init__(self, facts: Mapping[str, Any], seen: float = 0.0) -> None:
        self.facts, self.seen = facts, seen

    async def nodes(self) -> Sequence[NodeStatus]:
        return [
            NodeStatus("a", 1, "1", "live", 0, 0.0, {FACTS: "ours is in memory"}, is_own=True),
            NodeStatus("b", 2, "1", "live", 0, self.seen, self.facts, is_own=False),
        ]

    async def tell(self, operation: str, fields: Mapping[str, Any]) -> None:
        pass


def health_of(
    world: World, after: timedelta = AFTER, cluster: Nodes | None = None
) -> DeliveryHealth:
    queue = QueueControl(
        world.deliveries,
        world.clock.now,
        lambda: world.deliverer,
        cluster=cast("Cluster | None", cluster),
    )
    routes = lambda: [cast("Route", world.routes.named("out"))]  # noqa: E731
    return DeliveryHealth(
        queue, world.wire.last_deliveries, routes, lambda: after, world.clock.monotonic
    )


async def pass_time(minutes: float) -> None:
    await asyncio.sleep(minutes * 60)


def play(world: World, steps: Callable[[World, DeliveryHealth], Coroutine[Any, Any, None]]) -> None:
    async def scenario(world: World) -> None:
        await steps(world, health_of(world))

    world.run(scenario)


def test_a_target_that_cannot_be_reached_is_degraded_until_it_delivers() -> None:
    world, hub = one_hub(unreachable())

    async def steps(world: World, health: DeliveryHealth) -> None:
        began = world.clock.now()
        await world.send(world.mail())
        await pass_time(25)
        assert await health.look() == GOOD, "not for so long yet"
        await pass_time(60)
        document = await health.look()
        assert document["delivering"] is False
        [listed] = document["degraded"]
        assert listed["target"] == "hub"
        assert listed["since"] == f"{began:%Y-%m-%dT%H:%M:%SZ}"
        assert "connection refused" in listed["sentence"]
        hub.say = Answer()
        await operate_queue(health._queue, "retry", {"all": True})
        await pass_time(5)
        assert hub.taken
        assert await health.look() == GOOD

    play(world, steps)


def test_one_message_between_two_attempts_does_not_hide_it() -> None:
    """It is due only for moments, and was so for longer than the limit."""
    world, _ = one_hub(unreachable())

    async def steps(world: World, health: DeliveryHealth) -> None:
        await world.send(world.mail())
        await pass_time(300)
        for _ in range(20):
            assert (await health.look())["delivering"] is False
            await pass_time(1)

    play(world, steps)


def no_token() -> Answer:
    error = TokenError(
        "AADSTS7000222: the secret of relay@example.org is expired", is_transient=False
    )
    error.slug = "expired_secret"
    reply = Reply(535, "no token", Esc(5, 7, 8)).because(str(error))
    return Answer((reply,), "auth", is_remote=False, error=error)


def test_the_reason_is_that_of_queue_why_without_addresses() -> None:
    world, _ = one_hub(no_token(), credential="acs")

    async def steps(world: World, health: DeliveryHealth) -> None:
        await world.send(world.mail())
        await pass_time(40)
        [listed] = (await health.look())["degraded"]
        why = (await operate_queue(health._queue, "why", {"id": "m1"}))["deliveries"][0]
        assert listed["finding"] == why["finding"] == "expired_secret"
        assert listed["advice"] == why["advice"].replace("relay@example.org", "***")
        assert "relay@example.org" in why["sentence"]
        assert "@" not in str(listed)

    play(world, steps)


def test_the_reason_stays_while_new_mail_is_tried() -> None:
    world, hub = one_hub(unreachable())

    async def steps(world: World, health: DeliveryHealth) -> None:
        await world.send(world.mail())
        await pass_time(120)
        hub.say = unreachable(seconds=600)
        await operate_queue(health._queue, "retry", {"all": True})
        await world.send(world.mail("m2"))
        await pass_time(1)
        [listed] = (await health.look())["degraded"]
        assert "connection refused" in listed["sentence"]
        await operate_queue(health._queue, "drop", {"ids": ["m1"]})
        await pass_time(1)
        [listed] = (await health.look())["degraded"]
        assert (listed["finding"], listed["sentence"]) == (None, ""), "until m2 is deferred"

    play(world, steps)


def test_a_server_that_never_answers_is_degraded_during_the_attempt() -> None:
    world, _ = one_hub(unreachable(seconds=3_000))

    async def steps(world: World, health: DeliveryHealth) -> None:
        await world.send(world.mail())
        await pass_time(29)
        assert await health.look() == GOOD
        await pass_time(2)
        [listed] = (await health.look())["degraded"]
        assert listed["target"] == "hub"

    play(world, steps)


def test_other_mail_that_is_delivered_is_enough() -> None:
    hard = lambda lease, _: Answer((GREYLISTED,)) if lease.message.id == "m1" else Answer()  # noqa: E731
    world, hub = one_hub(hard)

    async def steps(world: World, health: DeliveryHealth) -> None:
        await world.send(world.mail())
        for number in range(2, 10):
            await pass_time(20)
            await world.send(world.mail(f"m{number}"))
            await pass_time(1)
            assert await health.look() == GOOD
        assert len(hub.taken) == 8

    play(world, steps)


def test_mail_that_is_not_due_does_not_count() -> None:
    """The one attempt was deferred, and the next one is hours away."""
    hub = Upstream(smarthost(), Answer((GREYLISTED,)))
    later = steady(table=(timedelta(hours=3),))
    world = World([hub], [route(hub.target, retry=later)])

    async def steps(world: World, health: DeliveryHealth) -> None:
        await world.send(world.mail())
        for _ in range(16):
            await pass_time(10)
            assert await health.look() == GOOD
        await pass_time(30)
        assert len(hub.tries) == 2
        assert (await health.look())["delivering"] is False, "it was due, and waits again"

    play(world, steps)


def test_mail_that_is_held_does_not_count() -> None:
    world, hub = one_hub(unreachable())

    async def steps(world: World, health: DeliveryHealth) -> None:
        await world.send(world.mail())
        await pass_time(120)
        assert (await health.look())["delivering"] is False
        await operate_queue(health._queue, "hold", {"all": True})
        await pass_time(1)
        assert await health.look() == GOOD
        hub.say = unreachable(seconds=5)
        await operate_queue(health._queue, "release", {"all": True})
        await asyncio.sleep(FRESH)
        assert await health.look() == GOOD, "what is released has only begun to wait"

    play(world, steps)


def test_mail_that_bounced_waits_no_more() -> None:
    world, hub = one_hub(Answer((UNKNOWN,)))

    async def steps(world: World, health: DeliveryHealth) -> None:
        await world.send(world.mail(sender=""))
        await pass_time(120)
        hub.say = unreachable(seconds=20)
        await world.send(world.mail("m2"))
        await asyncio.sleep(FRESH)
        assert await health.look() == GOOD

    play(world, steps)


def test_a_route_that_delivers_by_another_target_is_not_degraded() -> None:
    first, second = smarthost("first"), smarthost("second", ("other.example",))
    ways = [Upstream(first, unreachable()), Upstream(second)]
    world = World(ways, [route(first, second, retry=steady())])

    async def steps(world: World, health: DeliveryHealth) -> None:
        for number in range(6):
            await world.send(world.mail(f"m{number}"))
            await pass_time(20)
            assert await health.look() == GOOD

    play(world, steps)


def test_both_targets_of_a_route_are_named_if_neither_delivers() -> None:
    first, second = smarthost("first"), smarthost("second", ("other.example",))
    ways = [Upstream(first, unreachable()), Upstream(second, unreachable())]
    world = World(ways, [route(first, second, retry=steady())])

    async def steps(world: World, health: DeliveryHealth) -> None:
        await world.send(world.mail())
        await pass_time(120)
        document = await health.look()
        assert [each["target"] for each in document["degraded"]] == ["first", "second"]
        assert document["more"] == 0

    play(world, steps)


def test_zero_switches_it_off() -> None:
    world, _ = one_hub(unreachable())

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await pass_time(120)
        assert await health_of(world, timedelta(0)).look() == UNJUDGED

    world.run(scenario)


def test_a_relay_that_delivers_nothing_is_not_degraded() -> None:
    async def steps() -> None:
        queue = QueueControl(cast("Any", None), cast("Any", None))
        health = DeliveryHealth(queue, None, tuple, lambda: AFTER, lambda: 0.0)
        assert await health.look() == GOOD

    asyncio.run(steps())


def test_a_reload_keeps_what_is_known() -> None:
    world, _ = one_hub(unreachable())

    async def steps(world: World, health: DeliveryHealth) -> None:
        await world.send(world.mail())
        await pass_time(25)
        await world.reload()
        await pass_time(60)
        assert (await health.look())["delivering"] is False

    play(world, steps)


def test_a_store_that_fails_makes_it_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    world, _ = one_hub(unreachable())

    async def fail() -> Any:
        raise QueueError("the database is away")

    async def steps(world: World, health: DeliveryHealth) -> None:
        await world.send(world.mail())
        await pass_time(120)
        monkeypatch.setattr(world.deliveries, "count", fail)
        assert await health.look() == UNJUDGED

    play(world, steps)


def test_a_store_that_hangs_holds_no_answer_up(monkeypatch: pytest.MonkeyPatch) -> None:
    world, _ = one_hub(unreachable())
    asked: list[int] = []

    async def hang() -> Any:
        asked.append(1)
        await asyncio.sleep(3_600)

    async def steps(world: World, health: DeliveryHealth) -> None:
        await world.send(world.mail())
        await pass_time(120)
        assert (await health.look())["delivering"] is False
        monkeypatch.setattr(world.deliveries, "count", hang)
        await asyncio.sleep(FRESH)
        for _ in range(3):
            began = world.clock.monotonic()
            assert (await health.look())["delivering"] is False
            assert world.clock.monotonic() - began <= delivery_health.PATIENCE
        assert asked == [1]

    play(world, steps)


def test_the_answer_is_bounded() -> None:
    reply = Reply(451, "busy " * 500, Esc(4, 3, 2))
    chain = [smarthost(f"hub{number}", (f"h{number}.example",)) for number in range(MOST + 5)]
    ways = [Upstream(each, Answer((reply,), "mail")) for each in chain]
    world = World(ways, [route(*chain, retry=steady())])

    async def steps(world: World, health: DeliveryHealth) -> None:
        await world.send(world.mail())
        await pass_time(120)
        document = await health.look()
        assert (len(document["degraded"]), document["more"]) == (MOST, 5)
        assert all(len(each["sentence"]) <= LONGEST + 3 for each in document["degraded"])

    play(world, steps)


# Several nodes.


def told_by(noted: LastDeliveries, now: float) -> dict[str, Any]:
    return {FACTS: ages_document(noted.ages(now))}


def test_a_target_is_degraded_since_the_last_delivery_of_any_node() -> None:
    world, _ = one_hub(unreachable())

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await pass_time(120)
        nodes = Nodes({FACTS: {"delivered": {"hub": 3_600.0}, "waiting": {}}}, seen=3.0)
        health = health_of(world, cluster=nodes)
        await operate_queue(health._queue, "retry", {"all": True})
        await asyncio.sleep(1)
        [listed] = (await health.look())["degraded"]
        since = world.clock.now() - timedelta(seconds=3_603)
        assert listed["since"] == f"{since:%Y-%m-%dT%H:%M:%SZ}"
        nodes.facts = {FACTS: {"delivered": {"hub": 1_200.0}, "waiting": {}}}
        await asyncio.sleep(FRESH)
        assert await health.look() == GOOD

    world.run(scenario)


def test_what_waits_on_another_node_counts() -> None:
    world, _ = one_hub()

    async def scenario(world: World) -> None:
        other = LastDeliveries()
        now = world.clock.monotonic()
        await world.deliverer.stop(1)
        await world.deliveries.put(world.mail("m9"), [planned(hop=NextHop("out"))], leased=False)
        other.note_try("out", "m9.0", now - 3_600)
        health = health_of(world, cluster=Nodes(told_by(other, now)))
        [listed] = (await health.look())["degraded"]
        assert listed["target"] == "hub"

    world.run(scenario)


def test_what_waited_here_before_another_node_delivered_is_forgotten() -> None:
    """Else the next message would count as waiting since then."""
    world, _ = one_hub(unreachable())

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await pass_time(1)
        noted = world.wire.last_deliveries
        assert noted.ages(0).waiting
        nodes = Nodes({FACTS: {"delivered": {"hub": 0.0}, "waiting": {}}})
        assert await health_of(world, cluster=nodes).look() == GOOD
        assert not noted.ages(0).waiting

    world.run(scenario)


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {FACTS: None},
        {FACTS: {"delivered": []}},
        {FACTS: {"delivered": {}, "waiting": {"out": [1]}}},
    ],
)
def test_a_node_of_another_version_says_nothing(facts: Mapping[str, Any]) -> None:
    world, _ = one_hub()

    async def scenario(world: World) -> None:
        assert await health_of(world, cluster=Nodes(facts)).look() == GOOD

    world.run(scenario)
