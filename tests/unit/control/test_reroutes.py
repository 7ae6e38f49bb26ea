"""An operator sends waiting mail to another target."""

import asyncio
from typing import Any, cast

import pytest

from gatepost.control.node_questions import answer_node
from gatepost.control.queue_control import QueueControl
from gatepost.control.queue_operations import operate_queue
from gatepost.model.route import NextHop, Retry, next_hop_by
from gatepost.queue.cluster_contract import Cluster
from gatepost.relay.routes import Routes
from gatepost.testing.memory import MemoryDeliveries
from tests.contract.messages import NOON
from tests.contract.queued import mail, planned
from tests.simulated_delivery import (
    GREYLISTED,
    HOUR,
    Answer,
    Upstream,
    World,
    limits,
    mx,
    route,
    smarthost,
    steady,
)
from tests.unit.control.test_nodes import FakeCluster, SharedDeliveries
from tests.unit.control.test_queue_operations import ask, sentence

RETRY = steady(first=2 * HOUR)


def two_hubs(say: Answer, **other: Any) -> tuple[World, Upstream, Upstream]:
    """Return a world with ``hub``, which gets all mail, and ``spare``, which gets some."""
    hub = Upstream(smarthost("hub", **other), say)
    spare = Upstream(smarthost("spare", ("spare.example",)))
    routes = [route(spare.target, name="some", to=["some.example"]),
              route(hub.target, retry=RETRY)]  # fmt: skip
    return World([hub, spare], routes), hub, spare


def test_mail_is_tried_at_once_at_the_other_target() -> None:
    world, hub, spare = two_hubs(Answer((GREYLISTED,), "rcpt"))

    async def scenario(world: World) -> None:
        for number in range(3):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(1)
        dry = await ask(world, "reroute", to="spare", target="hub", dry_run=True)
        assert (dry["selected"], dry["rerouted"], dry["dry_run"]) == (3, 0, True)
        assert {each["target"] for each in dry["sample"]} == {"hub"}
        done = await ask(world, "reroute", to="spare", ids=["m0", "m1.0"], by="ann")
        assert (done["rerouted"], done["under_way"], done["to"]) == (2, 0, "spare")
        await asyncio.sleep(1)
        assert [id_ for id_, _ in spare.taken] == ["m0", "m1"]
        assert await sentence(world, "m0") == (
            'It was delivered: spare.example answered "250 2.0.0 queued as 1" at 2026-11-24 '
            "10:00:01 UTC; ann rerouted it from out to spare at 2026-11-24 10:00:01 UTC."
        )
        [shown] = (await ask(world, "show", id="m1"))["deliveries"]
        assert shown["rerouted"] == {
            "at": "2026-11-24T10:00:01Z", "by": "ann", "from": "out", "to": "spare",
        }  # fmt: skip
        assert [each["target"] for each in shown["history"]] == ["hub", "spare"]

    world.run(scenario)
    assert len(hub.tries) == 3
    told = [(each["id"], each["next_hop"], each["target"], each["by"], each["rcpt_to"])
            for each in world.told("message_rerouted")]  # fmt: skip
    assert told == [(id_, "out", "spare", "ann", ["bob@example.net"]) for id_ in ("m0", "m1")]


def test_what_is_being_tried_follows_unless_it_is_delivered() -> None:
    world, hub, spare = two_hubs(Answer((GREYLISTED,), "rcpt", seconds=10))

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(1)
        done = await ask(world, "reroute", to="spare", all=True, by="ann")
        assert (done["rerouted"], done["under_way"]) == (0, 1)
        await asyncio.sleep(20)
        assert [id_ for id_, _ in spare.taken] == ["m1"]
        assert "ann rerouted it from out to spare" in await sentence(world)

    world.run(scenario)
    assert len(hub.tries) == 1
    assert len(world.told("message_rerouted")) == 1


def test_what_waits_in_memory_is_sent_at_once() -> None:
    world, hub, spare = two_hubs(Answer(seconds=100), limits=limits(connections=1))

    async def scenario(world: World) -> None:
        for number in range(4):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(1)
        done = await ask(world, "reroute", to="spare", all=True)
        assert done["rerouted"] + done["under_way"] == 4
        await asyncio.sleep(2)
        assert sorted([id_ for id_, _ in spare.taken]) == ["m1", "m2", "m3"]
        await asyncio.sleep(200)

    world.run(scenario)
    assert [id_ for id_, _ in hub.taken] == ["m0"]


def test_what_is_held_stays_so_and_goes_there_when_it_is_released() -> None:
    world, _, spare = two_hubs(Answer((GREYLISTED,), "rcpt"))

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(1)
        await ask(world, "hold", ids=["m1"])
        assert (await ask(world, "reroute", to="spare", state="held"))["rerouted"] == 1
        await asyncio.sleep(10)
        assert spare.taken == []
        assert (await sentence(world)).startswith("It is held by an operator")
        [listed] = (await ask(world, "list", target="spare"))["deliveries"]
        assert (listed["next_hop"], listed["target"]) == ("target:spare", "spare")
        assert (await ask(world, "list", target="hub"))["deliveries"] == []
        await ask(world, "release", ids=["m1"])
        await asyncio.sleep(1)
        assert [id_ for id_, _ in spare.taken] == ["m1"]

    world.run(scenario)


def test_a_stopped_relay_has_the_targets_of_its_configuration() -> None:
    async def steps() -> None:
        queue = MemoryDeliveries()
        await queue.take_over(NOON)
        await queue.put(mail("m1"), [planned()], leased=False)
        routes = [route(smarthost("hub"), smarthost("spare"), name="hub")]
        control = QueueControl(queue, lambda: NOON, routes=lambda: routes)
        done = await operate_queue(control, "reroute", {"to": "spare", "all": True})
        assert done["rerouted"] == 1
        [listed] = (await operate_queue(control, "list", {"target": "spare"}))["deliveries"]
        assert listed["target"] == "spare"
        routes.clear()
        [listed] = (await operate_queue(control, "list", {}))["deliveries"]
        assert listed["target"] == "spare"

    asyncio.run(steps())


def test_each_recipient_gets_the_next_hop_of_its_domain() -> None:
    hub = Upstream(smarthost("hub"), Answer((GREYLISTED, GREYLISTED), "rcpt"))
    dns = "a.example. A 192.0.2.1\nb.example. A 192.0.2.2"
    direct = Upstream(mx("direct"))
    routes = [route(direct.target, name="some", to=["some.example"]), route(hub.target)]
    world = World([hub, direct], routes, dns=dns)

    async def scenario(world: World) -> None:
        await world.send(world.mail(to=["bob@a.example", "carol@b.example"]))
        await asyncio.sleep(1)
        assert (await ask(world, "reroute", to="direct", all=True))["rerouted"] == 1
        await asyncio.sleep(5)
        assert {each.next_hop for each in await world.deliveries.find("m1")} == {
            NextHop("target:direct", "a.example"),
            NextHop("target:direct", "b.example"),
        }
        assert set((await world.states()).values()) == {"settled"}

    world.run(scenario)


def test_a_target_that_a_reload_removes_leaves_its_mail_to_the_routes() -> None:
    world, hub, spare = two_hubs(Answer((GREYLISTED,), "rcpt"))
    spare.say = Answer((GREYLISTED,), "rcpt")

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(1)
        await ask(world, "reroute", to="spare", all=True)
        await asyncio.sleep(1)
        assert (await world.delivery("m1.0")).next_hop == next_hop_by("spare")
        hub.say = Answer()
        world.routes = Routes([route(hub.target, name="new")])
        await world.reload()
        await ask(world, "retry", all=True)
        await asyncio.sleep(1)
        assert [id_ for id_, _ in hub.taken] == ["m1"]

    world.run(scenario)


def test_the_schedule_is_that_of_a_route_of_the_target() -> None:
    routes = Routes([route(smarthost("hub"), name="a", retry=Retry(first=3 * HOUR)),
                     route(smarthost("hub"), smarthost("spare"), name="b")])  # fmt: skip
    to_hub, to_spare = routes.named("target:hub"), routes.named("target:spare")
    assert to_hub is not None
    assert to_spare is not None
    assert to_hub.retry.first == 3 * HOUR
    assert [each.name for each in to_spare.chain] == ["spare"]
    assert routes.named("target:other") is None


@pytest.mark.parametrize(
    "fields",
    [{"to": "spare"}, {"to": "spare", "ids": ["m1"], "all": True}, {"to": "spare", "all": False},
     {"to": "nowhere", "all": True}, {"all": True}, {"to": "out", "all": True}],
)  # fmt: skip
def test_an_order_needs_a_target_and_one_choice(fields: dict[str, Any]) -> None:
    world, _, _ = two_hubs(Answer())

    async def scenario(world: World) -> None:
        with pytest.raises(ValueError, match=r"spare, hub|reroute needs"):
            await ask(world, "reroute", **fields)

    world.run(scenario)


def test_the_node_that_has_leased_mail_is_told() -> None:
    cluster = FakeCluster()
    world, _, _ = two_hubs(Answer())

    async def steps() -> None:
        deliveries = SharedDeliveries()
        await deliveries.take_over(NOON)
        await deliveries.put(mail("m1"), [planned()])
        control = QueueControl(
            deliveries, lambda: NOON, routes=lambda: world.routes.all,
            cluster=cast("Cluster", cluster),
        )  # fmt: skip
        fields = {"to": "spare", "ids": ["m1"], "by": "ann"}
        done = await operate_queue(control, "reroute", fields)
        assert (done["rerouted"], done["under_way"]) == (0, 1)

    asyncio.run(steps())
    assert cluster.told == [("rerouted", {"ids": ["m1.0"], "to": "spare", "by": "ann"})]


def test_a_node_follows_an_order_of_another_one() -> None:
    world, _, spare = two_hubs(Answer((GREYLISTED,), "rcpt", seconds=10))

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(1)
        control = QueueControl(world.deliveries, world.clock.now, lambda: world.deliverer)
        told = {"ids": ["m1.0"], "to": "spare", "by": "ann"}
        assert await answer_node(control, "rerouted", told) == {}
        await asyncio.sleep(20)
        assert [id_ for id_, _ in spare.taken] == ["m1"]

    world.run(scenario)


def test_others_are_told_who_has_held_released_or_retried_what() -> None:
    world, _, _ = two_hubs(Answer((GREYLISTED,), "rcpt"))

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(1)
        await ask(world, "hold", ids=["m1"], by="ann")
        await ask(world, "release", sender="*", by="ben")
        await ask(world, "retry", all=True)

    world.run(scenario)
    assert world.told("deliveries_changed") == [
        {"action": "hold", "count": 1, "ids": ["m1"], "by": "ann"},
        {"action": "release", "count": 1, "ids": ["m1.0"], "by": "ben"},
        {"action": "retry", "count": "all", "ids": None, "by": None},
    ]
