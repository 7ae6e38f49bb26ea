"""Deliveries when the relay stops, is killed, or reads another configuration."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from gatepost.model.address import parse_address
from gatepost.model.body import Body
from gatepost.model.delivery import Lease, Settlement
from gatepost.model.envelope import Recipient
from gatepost.model.route import Match, NextHop, Route, ServerAddress
from gatepost.queue.attempt_result import AttemptResult
from gatepost.queue.unsettled import UNSETTLED, Unsettled, is_unsettled
from gatepost.relay.deliverer import Bounds
from gatepost.relay.routes import Routes
from tests.simulated_delivery import (
    A_RECORD,
    OK,
    REFUSED,
    Answer,
    Upstream,
    World,
    limits,
    mx,
    one_hub,
    refused_before_mail,
    route,
    smarthost,
    steady,
)

GUID = "11111111-2222-3333-4444-555555555555"


def test_mail_accepted_during_a_reload_is_delivered_at_once() -> None:
    world, hub = one_hub()
    synced = asyncio.Event()

    async def scenario(world: World) -> None:
        put = world.deliveries.put

        async def put_slowly(*given: Any, leased: bool) -> tuple[Lease, ...]:
            await synced.wait()
            return await put(*given, leased=leased)

        world.deliveries.put = put_slowly  # type: ignore[method-assign,assignment]
        store = world.store
        accepted = asyncio.ensure_future(world.send(world.mail()))
        await asyncio.sleep(1)
        await world.deliverer.stop(1)
        await world.start()
        store.use(world.deliverer)
        synced.set()
        await accepted
        await asyncio.sleep(0.1)

    world.run(scenario)
    assert hub.taken == [("m1", "bob@example.net")]


@pytest.mark.parametrize("principal", ["", f"resource.{GUID}.{GUID}"])
def test_mail_of_a_removed_route_is_routed_again(principal: str) -> None:
    hub, own = Upstream(smarthost()), Upstream(mx("own"))
    for_one = Route("one", (hub.target,), Match(applications=(GUID,)))
    world = World([hub, own], [for_one, route(own.target)], dns=A_RECORD)

    async def scenario(world: World) -> None:
        submission = world.mail(to=["bob@example.net", "eve@example.net"], principal=principal)
        [planned] = world.routes.plan(submission).planned
        lost = replace(planned, next_hop=NextHop("before", "elsewhere.example"))
        await world.deliveries.put(submission, [lost], leased=False)
        world.deliverer.wake()
        await asyncio.sleep(1)
        taker, hop = (hub, NextHop("one")) if principal else (own, NextHop("out", "example.net"))
        assert taker.taken == [("m1", "bob@example.net"), ("m1", "eve@example.net")]
        delivery = await world.delivery("m1.0")
        assert (delivery.next_hop, delivery.attempts) == (hop, 1)

    world.run(scenario)


def put_by(world: World, hop: NextHop, *to: str) -> None:
    """A message that was queued by another configuration."""
    submission = world.mail(to=to[:1])
    [planned] = world.routes.plan(submission).planned
    recipients = tuple([Recipient(parse_address(each)) for each in to])
    before = replace(planned, next_hop=hop, recipients=recipients)
    world.deliveries.put(submission, [before], leased=False)
    world.deliverer.wake()


def test_recipients_of_a_removed_route_may_get_different_routes() -> None:
    a, b = Upstream(smarthost("a")), Upstream(smarthost("b"))
    routes = [route(each.target, name=each.target.name, to=[f"{each.target.name}.example"])
              for each in (a, b)]  # fmt: skip
    world = World([a, b], routes)

    async def scenario(world: World) -> None:
        put_by(world, NextHop("gone"), "x@a.example", "y@b.example", "z@c.example", "w@a.example")
        await asyncio.sleep(1)
        assert a.taken == [("m1", "x@a.example"), ("m1", "w@a.example")]
        assert b.taken == [("m1", "y@b.example")]
        left = await world.delivery("m1.2")
        assert (left.state, left.next_hop, len(left.waiting)) == ("waiting", NextHop("gone"), 1)
        assert "no route gone any more" in left.history[0].reply.reason

    world.run(scenario)


def test_recipients_are_separated_if_their_route_now_delivers_by_domain() -> None:
    own = Upstream(mx("own"))
    world = World([own], [route(own.target, name="out")], dns=A_RECORD)

    async def scenario(world: World) -> None:
        put_by(world, NextHop("out"), "x@example.net", "y@elsewhere.example")
        await asyncio.sleep(1)
        assert (await world.delivery("m1.0")).next_hop == NextHop("out", "example.net")
        assert (await world.delivery("m1.1")).next_hop == NextHop("out", "elsewhere.example")
        assert ("m1", "x@example.net") in own.taken

    world.run(scenario)


def test_a_delivery_dropped_during_its_attempt() -> None:
    world, hub = one_hub(Answer(seconds=10))

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(1)
        assert await world.deliveries.act("drop", ["m1"], world.clock.now()) == 1
        await asyncio.sleep(20)
        assert (await world.delivery("m1.0")).addressees[0].fate == "dropped"

    world.run(scenario)
    assert len(hub.taken) == 1
    assert [each["reply"] for each in world.told("lease_lost")] == [str(OK)], "it has arrived"


def test_a_lost_lease_without_an_attempt_is_not_reported() -> None:
    world, _ = one_hub(Answer(seconds=5), limits=limits(connections=1))

    async def scenario(world: World) -> None:
        for each in ("m1", "m2"):
            await world.send(world.mail(each))
        await asyncio.sleep(1)
        await world.deliveries.take_over(world.clock.now())
        await world.deliverer.stop(20)

    world.run(scenario)
    assert [each["id"] for each in world.told("lease_lost")] == ["m1"], "which was on the wire"


def test_a_stop_finishes_current_attempts_and_returns_other_leases() -> None:
    world, hub = one_hub(Answer(seconds=5), limits=limits(connections=3))

    async def scenario(world: World) -> None:
        for number in range(20):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(1)
        await world.deliverer.stop(10)
        states = await world.states()
        assert sorted(states.values()) == ["settled"] * 3 + ["waiting"] * 17
        await world.send(world.mail("late"))
        assert (await world.delivery("late.0")).state == "waiting"
        await world.start()
        await asyncio.sleep(60)

    world.run(scenario)
    assert len(hub.taken) == len(set(hub.taken)) == 21


def test_the_new_deliverer_starts_while_the_old_one_finishes() -> None:
    """As at a reload: what is on the wire keeps nothing else waiting, and comes once."""

    def say(lease: Lease, _: ServerAddress) -> Answer:
        return Answer(seconds=12 if lease.message.id == "slow" else 0.5)

    world, hub = one_hub(say, limits=limits(connections=2))

    async def scenario(world: World) -> None:
        for each in ("slow", *(f"m{number}" for number in range(6))):
            await world.send(world.mail(each))
        await asyncio.sleep(0.7)
        before = world.deliverer
        ending = await world.reload()
        assert hub.retired, "its idle connections would count"
        await world.send(world.mail("new"))
        await asyncio.sleep(1)
        next_hop = (await world.delivery("slow.0")).next_hop
        assert world.deliverer.progress_of("slow.0", next_hop).place == "hub.example:587"
        assert world.deliverer.progress_of("slow.0", next_hop).seconds > 3
        assert world.deliverer is not before
        await asyncio.sleep(2)
        left = {id_ for id_, state in (await world.states()).items() if state != "settled"}
        assert left == {"slow.0"}
        await ending
        assert set((await world.states()).values()) == {"settled"}

    world.run(scenario)
    assert sorted(hub.taken) == sorted(set(hub.taken))
    assert len(hub.taken) == 8
    assert hub.most_open == 2, "those of both together"
    assert not world.told("lease_lost")


def test_a_target_with_a_new_server_does_not_wait_for_connections_to_the_old_one() -> None:
    """It stalled, and the operator wrote down one that works."""
    world, hub = one_hub(Answer(seconds=10), limits=limits(connections=1))
    better = Upstream(smarthost("hub", ["better.example"], limits=limits(connections=1)), Answer())

    async def scenario(world: World) -> None:
        await world.send(world.mail("m1"))
        await asyncio.sleep(1)
        world.upstreams, world.routes = {"hub": better}, Routes([route(better.target)])
        better.now = world.clock.now
        ending = await world.reload()
        await world.send(world.mail("m2"))
        await asyncio.sleep(1)
        assert [id_ for id_, _ in better.taken] == ["m2"]
        await ending

    world.run(scenario)
    assert [id_ for id_, _ in hub.taken] == ["m1"]


@pytest.mark.parametrize(("host", "seconds"), [("hub.example", 10.0), ("new.example", 1.0)])
def test_a_rate_limit_survives_a_reload_unless_the_servers_change(
    host: str, seconds: float
) -> None:
    hub = Upstream(smarthost(limits=limits(rate=6.0)))
    world = World([hub], [route(hub.target)])

    async def scenario(world: World) -> None:
        for name in ("m1", "m2", "m3"):
            await world.send(world.mail(name))
        await asyncio.sleep(1)
        target = smarthost(hosts=[host], limits=limits(rate=6.0))
        world.routes = Routes([route(target)])
        await world.reload()
        await asyncio.sleep(25)

    world.run(scenario)
    times = [at for at, *_ in hub.tries]
    assert len(times) == 3
    assert (times[1] - times[0]).total_seconds() == pytest.approx(seconds, abs=0.5)
    assert (times[2] - times[1]).total_seconds() == pytest.approx(10.0, abs=0.5)


def test_a_reload_does_not_wait_for_attempts_without_content() -> None:
    """The server says nothing at all; nobody can get a copy of what was never sent."""
    silent = [True]

    def say(lease: Lease, _: ServerAddress) -> Answer:
        if silent[0]:
            return Answer(phase="greeting", seconds=300)
        return Answer()

    world, hub = one_hub(say, limits=limits(connections=1))

    async def scenario(world: World) -> None:
        await world.send(world.mail("m1"))
        await world.send(world.mail("m2"))
        await asyncio.sleep(1)
        progress = world.deliverer.progress_of("m1.0", (await world.delivery("m1.0")).next_hop)
        assert progress.step == "greeting"
        silent[0] = False
        await world.reload()
        await asyncio.sleep(1)
        assert set((await world.states()).values()) == {"settled"}

    world.run(scenario)
    assert sorted(id_ for id_, _ in hub.taken) == ["m1", "m2"]
    assert hub.most_open == 1
    assert not world.told("message_deferred"), "it was no failure"


def test_a_stop_does_not_wait_for_attempts_without_content() -> None:
    def say(lease: Lease, _: ServerAddress) -> Answer:
        early = lease.message.id == "early"
        return Answer(phase="rcpt" if early else "content", seconds=300 if early else 5)

    world, hub = one_hub(say)

    async def scenario(world: World) -> None:
        await world.send(world.mail("early"))
        await asyncio.sleep(0.1)
        begun = world.clock.monotonic()
        await world.deliverer.stop(8)
        assert world.clock.monotonic() - begun < 2
        assert (await world.states())["early.0"] == "waiting"
        await world.start()
        await world.send(world.mail("late"))
        await asyncio.sleep(0.1)
        await world.deliverer.stop(8)
        assert (await world.states())["late.0"] == "settled"

    world.run(scenario)
    assert [id_ for id_, _ in hub.taken] == ["late"]


def test_attempts_with_all_connections_keep_them_over_a_reload() -> None:
    world, hub = one_hub(Answer(seconds=10), limits=limits(connections=1))

    async def scenario(world: World) -> None:
        await world.send(world.mail("m1"))
        await asyncio.sleep(1)
        ending = await world.reload()
        await world.send(world.mail("m2"))
        await asyncio.sleep(1)
        progress = world.deliverer.progress_of("m2.0", (await world.delivery("m2.0")).next_hop)
        assert progress.ahead == 0
        assert progress.limit == "still has connections in use by the previous configuration"
        await ending
        await asyncio.sleep(0.1)
        assert hub.open == 1, "its turn comes when the other is done, not when somebody looks"
        await asyncio.sleep(10)

    world.run(scenario)
    assert [id_ for id_, _ in hub.taken] == ["m1", "m2"]
    assert hub.most_open == 1


def test_leases_granted_during_a_reload_are_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else gets it in the same epoch."""
    hub = Upstream(smarthost())
    bounds = Bounds(octets=0)  # all goes by way of the store
    world = World([hub], [route(hub.target, retry=steady())], bounds=bounds)
    lease = world.deliveries.lease

    async def slowly(*arguments: Any) -> Sequence[Lease]:
        leases = await lease(*arguments)
        await asyncio.sleep(0.3)
        return leases

    monkeypatch.setattr(world.deliveries, "lease", slowly)

    async def scenario(world: World) -> None:
        await asyncio.sleep(1)
        await world.send(world.mail())
        await asyncio.sleep(0.1)
        assert (await world.delivery("m1.0")).state == "leased"
        await (await world.reload())
        await asyncio.sleep(1)
        assert (await world.delivery("m1.0")).state == "settled"

    world.run(scenario)
    assert len(hub.taken) == 1


def test_an_attempt_cancelled_by_a_reload_is_repeated_at_once() -> None:
    stalls = [Answer(seconds=1000)]
    world, hub = one_hub(lambda *_: stalls.pop() if stalls else Answer())

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(1)
        await (await world.reload())
        await asyncio.sleep(0.1)
        assert (await world.delivery("m1.0")).state == "settled"

    world.run(scenario)
    assert len(hub.taken) == 1


def test_mail_deferred_by_a_refused_login_is_tried_at_once_by_the_new_configuration() -> None:
    world, hub = one_hub(refused_before_mail(REFUSED), credential="acs")

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(1)
        hub.say = Answer()
        await world.reload()
        await asyncio.sleep(1)
        assert hub.taken == [("m1", "bob@example.net")]

    world.run(scenario)


def test_a_stop_aborts_attempts_that_take_too_long() -> None:
    world, hub = one_hub(Answer(seconds=1000))

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(1)
        before = world.clock.monotonic()
        await world.deliverer.stop(10)
        assert world.clock.monotonic() - before < 12
        assert await world.states() == {"m1.0": "waiting"}

    world.run(scenario)
    assert not hub.taken
    assert not hub.open
    assert hub.closed


def test_a_stop_records_what_was_sent_while_the_store_was_slow() -> None:
    world, hub = one_hub(Answer(seconds=0.1), limits=limits(connections=1))
    slow = asyncio.Event()

    async def scenario(world: World) -> None:
        settle = world.deliveries.settle

        async def settle_slowly(lease: Lease, settlement: Settlement, now: datetime) -> None:
            if lease.message.id == "m1":
                await slow.wait()
            await settle(lease, settlement, now)

        world.deliveries.settle = settle_slowly  # type: ignore[method-assign]
        await world.send(world.mail("m1"))
        await world.send(world.mail("m2"))
        await asyncio.sleep(1)
        asyncio.get_running_loop().call_later(1.5, slow.set)
        await world.deliverer.stop(1)
        assert await world.states() == {"m1.0": "settled", "m2.0": "settled"}

    world.run(scenario)
    assert len(hub.taken) == 2


def test_a_stop_records_the_result_of_an_aborted_attempt() -> None:
    """An API may have accepted the message, although its result is unknown."""

    class Cut(Upstream):
        async def deliver(
            self, lease: Lease, body: Body, server: ServerAddress, deadline: float
        ) -> AttemptResult:
            try:
                return await super().deliver(lease, body, server, deadline)
            except asyncio.CancelledError:
                unsettled = Answer((UNSETTLED,), is_remote=False, error=Unsettled("cut"))
                return self._handed(lease, body, server, unsettled)

    hub = Cut(smarthost(), Answer(seconds=1000))
    world = World([hub], [route(hub.target)])

    async def scenario(world: World) -> None:
        settle = world.deliveries.settle

        async def settle_slowly(lease: Lease, settlement: Settlement, now: datetime) -> None:
            await asyncio.sleep(0.5)
            await settle(lease, settlement, now)

        world.deliveries.settle = settle_slowly  # type: ignore[method-assign]
        await world.send(world.mail())
        await asyncio.sleep(1)
        await world.deliverer.stop(10)
        assert is_unsettled(await world.delivery("m1.0"), "hub")

    world.run(scenario)


def test_a_kill_loses_nothing() -> None:
    world, hub = one_hub(Answer(seconds=5))

    async def scenario(world: World) -> None:
        for number in range(20):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(7)
        await world.kill()
        await world.start()
        await asyncio.sleep(60)
        assert set((await world.states()).values()) == {"settled"}

    world.run(scenario)
    assert len(set(hub.taken)) == 20
    assert len(hub.taken) <= 30  # those on the wire at the kill
