"""Delivery by one of several nodes that share a queue."""

import asyncio
from typing import Any, cast

import pytest

from gatepost.errors import LeaseLost
from gatepost.model.body import WINDOW, BytesBody
from gatepost.model.delivery import Lease
from gatepost.model.route import NextHop
from gatepost.queue.cluster_contract import Cluster, SharedPause
from gatepost.relay.held_body import HeldBody
from gatepost.relay.shared_limits import SharedLimits
from gatepost.relay.shared_pauses import SHARED, TURN
from tests.simulated_delivery import (
    REFUSED,
    Answer,
    Upstream,
    World,
    limits,
    one_hub,
    refused_before_mail,
    unreachable,
)


class FakeCluster:
    """The others, as far as delivery notices them."""

    name = "a"

    def __init__(self, world: World) -> None:
        self._world = world
        self.is_sure = True
        self.place = (0, 1)
        self.reserved: list[tuple[str, int]] = []
        self.upcoming = 0.0
        self.lag = 0.0
        """Seconds until the store answers."""
        self.pauses: dict[str, SharedPause] = {}

    def may_attempt(self, lease: Lease) -> bool:
        return self.is_sure and lease.epoch == self._world.deliverer.epoch

    async def reserve(self, key: str, number: int, step: float) -> float:
        now = self._world.clock.monotonic()
        first = max(self.upcoming, now)
        self.upcoming = first + number * step
        self.reserved.append((key, number))
        await asyncio.sleep(self.lag)
        return first - now

    async def put_pause(self, pause: SharedPause) -> None:
        self.pauses[pause.key] = pause

    async def end_pause(self, key: str) -> None:
        self.pauses.pop(key, None)


def clustered(**target: Any) -> tuple[World, Upstream, FakeCluster]:
    world, hub = one_hub(**target)
    cluster = FakeCluster(world)
    world.cluster = cast("Cluster", cluster)
    world.wire.shared = SharedLimits(world.cluster, world.clock.monotonic)
    return world, hub, cluster


def test_mail_that_was_accepted_without_a_lease_is_looked_for_in_the_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Other nodes took it over while its COMMIT had no answer."""
    world, hub = one_hub()
    put = world.deliveries.put

    def put_without_lease(*values: Any, **_: Any) -> Any:
        return put(*values, leased=False)

    async def scenario(world: World) -> None:
        monkeypatch.setattr(world.deliveries, "put", put_without_lease)
        await asyncio.sleep(5)  # the first look is over
        await world.send(world.mail("m1"))
        await asyncio.sleep(5)
        assert hub.taken == [("m1", "bob@example.net")]

    world.run(scenario)


def test_a_node_that_is_not_sure_begins_no_attempt() -> None:
    world, hub, cluster = clustered()

    async def scenario(world: World) -> None:
        cluster.is_sure = False
        await world.send(world.mail("m1"))
        await asyncio.sleep(30)
        assert hub.tries == []
        assert await world.states() == {"m1.0": "leased"}
        cluster.is_sure = True
        await asyncio.sleep(2)
        assert hub.taken == [("m1", "bob@example.net")]

    world.run(scenario)


def test_a_node_in_a_new_epoch_forgets_its_older_leases() -> None:
    world, hub, cluster = clustered()

    async def scenario(world: World) -> None:
        cluster.is_sure = False
        await world.send(world.mail("m1"))
        await asyncio.sleep(5)
        world.deliverer.renew(await world.deliveries.take_over(world.clock.now()))
        cluster.is_sure = True
        await world.send(world.mail("m2"))
        await asyncio.sleep(60)
        assert sorted(hub.taken) == [("m1", "bob@example.net"), ("m2", "bob@example.net")]
        assert not world.told("lease_lost")

    world.run(scenario)


def test_mail_of_a_next_hop_whose_connections_are_elsewhere_is_left_to_others() -> None:
    world, hub, cluster = clustered(limits=limits(connections=1))

    async def scenario(world: World) -> None:
        cluster.place = (0, 50) if share(world, 0) == 0 else (1, 50)
        await world.send(world.mail("m1"))
        await asyncio.sleep(5)
        assert hub.tries == []
        assert await world.states() == {"m1.0": "waiting"}, "another node may lease it"
        assert not world.told("next_hop_rests")
        cluster.place = (0, 1)
        await asyncio.sleep(30)
        assert hub.taken == [("m1", "bob@example.net")]

    def share(world: World, rank: int) -> int:
        cluster.place = (rank, 50)
        assert world.wire.shared is not None
        return world.wire.shared.connections("hub hub.example", 1)

    world.run(scenario)


def test_connections_are_divided() -> None:
    answer = Answer(seconds=10)
    world, hub, cluster = clustered(limits=limits(connections=10))
    hub.say = answer

    async def scenario(world: World) -> None:
        cluster.place = (0, 5)
        for number in range(20):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(15)
        assert len(hub.tries) <= 4, "two at a time"
        await asyncio.sleep(120)
        assert len(hub.taken) == 20

    world.run(scenario)


def test_a_rate_holds_with_what_other_nodes_send() -> None:
    world, hub, cluster = clustered(limits=limits(rate=60.0))

    async def scenario(world: World) -> None:
        for number in range(30):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(10)
        assert 8 <= len(hub.taken) <= 11
        cluster.upcoming += 1000  # others have reserved so much
        before = len(hub.taken)
        await asyncio.sleep(100)
        assert len(hub.taken) <= before + 1
        await asyncio.sleep(1000)
        assert len(hub.taken) == 30

    world.run(scenario)


def test_reserved_times_that_come_too_late_are_not_used() -> None:
    world, hub, cluster = clustered(limits=limits(rate=60.0))
    cluster.lag = 5.0

    async def scenario(world: World) -> None:
        for number in range(3):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(60)
        assert len(cluster.reserved) > 3
        assert hub.taken == [], "nobody knows which minute they belong to"
        cluster.lag = 0.4
        await asyncio.sleep(60)
        assert len(hub.taken) == 3

    world.run(scenario)


def adopt(world: World, *pauses: SharedPause) -> None:
    assert world.wire.shared is not None
    world.wire.shared.pauses.adopt(pauses, world.clock.monotonic())
    world.deliverer.on_change(SHARED)


def test_a_refused_login_is_told_to_all_nodes_and_its_end_too() -> None:
    world, hub, cluster = clustered(credential="relay")
    hub.say = refused_before_mail(REFUSED)

    async def scenario(world: World) -> None:
        await world.send(world.mail("m1"))
        await asyncio.sleep(5)
        [told] = [each for key, each in cluster.pauses.items() if key.startswith("login")]
        assert told.needs_operator
        assert "Authentication unsuccessful" in told.reason
        assert told.seconds > 600
        hub.say = Answer()
        world.deliverer.forgive([NextHop("out")])
        await asyncio.sleep(5)
        assert hub.taken
        assert cluster.pauses == {}

    world.run(scenario)


def test_where_another_node_found_that_nothing_works_nothing_is_tried() -> None:
    world, hub, _ = clustered(credential="relay")
    login = SharedPause("login relay at hub.example", 100.0, "535 no", needs_operator=True)

    async def scenario(world: World) -> None:
        adopt(world, login)
        await world.send(world.mail("m1"))
        await asyncio.sleep(60)
        assert hub.tries == []
        pause = world.deliverer.pause_of(NextHop("out"))
        assert pause is not None
        assert pause.needs_operator
        health = world.deliverer.health_of(hub.target).login
        assert health is not None
        assert health.state == "refused"
        adopt(world)  # it works again
        await asyncio.sleep(1)
        assert hub.taken

    world.run(scenario)


def test_a_server_that_is_down_is_told_to_all_nodes() -> None:
    world, hub, cluster = clustered()
    hub.say = unreachable()

    async def scenario(world: World) -> None:
        for number in range(5):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(10)
        [told] = cluster.pauses.values()
        assert told.key.startswith("next hop hub")
        assert not told.needs_operator

    world.run(scenario)


def test_the_node_that_found_a_pause_tries_first() -> None:
    world, hub, _ = clustered()

    async def scenario(world: World) -> None:
        adopt(world, SharedPause("next hop hub hub.example", 20.0, "refused"))
        await world.send(world.mail("m1"))
        await asyncio.sleep(20 + TURN - 5)
        assert hub.tries == []
        await asyncio.sleep(40)
        assert hub.taken

    world.run(scenario)


def test_a_content_is_not_sent_to_its_end_after_the_lease_is_lost() -> None:
    is_held = True
    body = HeldBody(BytesBody(bytes(2 * WINDOW)), lambda: is_held)
    assert body.size == 2 * WINDOW
    assert len(list(body.chunks())) == 2
    chunks = body.chunks()
    next(chunks), next(chunks)
    is_held = False
    with pytest.raises(LeaseLost):
        next(chunks)
    with pytest.raises(LeaseLost):
        next(body.chunks())
