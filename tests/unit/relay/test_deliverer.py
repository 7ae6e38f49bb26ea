"""The delivery loop with simulated upstream servers and a simulated clock."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gatepost.model.delivery import Lease
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import Capture, HopLimits, ServerAddress
from gatepost.queue.attempt_slots import Slots
from gatepost.relay.deliverer import UNSETTLED, Bounds
from gatepost.relay.leasing import LOOK
from gatepost.relay.spool import FileBody
from gatepost.relay.target_choice import TargetChoice
from gatepost.testing.memory import MemoryDeliveries
from tests.simulated_delivery import (
    GREYLISTED,
    MINUTE,
    OK,
    UNKNOWN,
    Answer,
    Upstream,
    World,
    limits,
    one_hub,
    route,
    smarthost,
    steady,
    unreachable,
)


def test_accepted_mail_is_delivered_from_memory() -> None:
    world, hub = one_hub()

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(0.1)
        assert (await world.delivery("m1.0")).state == "settled"

    world.run(scenario)
    assert hub.taken == [("m1", "bob@example.net")]
    [told] = world.told("message_delivered")
    assert told["id"] == "m1"
    assert told["reply"] == str(OK)
    assert told["host"] == "hub.example"


def test_deferred_mail_is_tried_again_by_its_schedule() -> None:
    answers = iter([Answer((GREYLISTED,), "rcpt"), Answer((GREYLISTED,), "rcpt"), Answer()])
    world, hub = one_hub(lambda *_: next(answers))

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(600)

    world.run(scenario)
    assert hub.taken == [("m1", "bob@example.net")]
    first, second, third = [at for at, *_ in hub.tries]
    assert MINUTE <= second - first < MINUTE + timedelta(seconds=1)
    assert 2 * MINUTE <= third - second < 2 * MINUTE + timedelta(seconds=1)
    assert next(facts["next_at"] for facts in world.told("message_deferred")).startswith("2026")


def test_each_recipient_has_its_own_result() -> None:
    def say(lease: object, _server: object) -> Answer:
        waiting = [str(each.address) for each in lease.delivery.waiting]  # type: ignore[attr-defined]
        fates = {"a@x.example": OK, "b@x.example": GREYLISTED, "c@x.example": UNKNOWN}
        if waiting == ["b@x.example"]:
            return Answer()
        return Answer(tuple([fates.get(each, OK) for each in waiting]), "content")

    world, hub = one_hub(say)

    async def scenario(world: World) -> None:
        await world.send(world.mail(to=["a@x.example", "b@x.example", "c@x.example"]))
        await asyncio.sleep(120)

    world.run(scenario)
    assert sorted(hub.taken) == [
        ("m1", "a@x.example"), ("m1", "b@x.example"), ("n1", "alice@example.org"),
    ]  # fmt: skip
    assert b"c@x.example" in hub.contents["n1"]
    assert b"b@x.example" not in hub.contents["n1"]


def test_the_log_has_the_reply_about_each_recipient() -> None:
    full = Reply(552, "full", Esc(5, 2, 2))
    world, _ = one_hub(Answer((UNKNOWN, full, UNKNOWN), "rcpt"))

    async def scenario(world: World) -> None:
        await world.send(world.mail(sender="", to=["a@x.example", "b@x.example", "c@x.example"]))
        await asyncio.sleep(1)

    world.run(scenario)
    assert {each["reply"]: each["rcpt_to"] for each in world.told("message_failed")} == {
        str(UNKNOWN): ["a@x.example", "c@x.example"], str(full): ["b@x.example"],
    }  # fmt: skip


@pytest.mark.parametrize(
    "full", [Reply(452, "Too many recipients", Esc(4, 5, 3)), Reply(552, "Too many", Esc(5, 5, 3))]
)
def test_surplus_recipients_follow_at_once_in_another_transaction(full: Reply) -> None:
    """However many others are put off, and without a longer wait for these afterwards."""

    def say(lease: Lease, _: ServerAddress) -> Answer:
        left = [10]

        def answer(address: str) -> Reply:
            if address.startswith("grey") and world.clock.monotonic() < MINUTE.total_seconds() / 2:
                return GREYLISTED
            left[0] -= 1
            return OK if left[0] >= 0 else full

        verdicts = [answer(str(each.address)) for each in lease.delivery.waiting]
        return Answer(tuple(verdicts))

    world, hub = one_hub(say)
    to = ["grey@x.example", *(f"u{number}@x.example" for number in range(95))]

    async def scenario(world: World) -> None:
        await world.send(world.mail(to=to))
        await asyncio.sleep(5)
        assert len(set(hub.taken)) == 95
        assert len(hub.tries) == 10
        await asyncio.sleep(MINUTE.total_seconds())

    world.run(scenario)
    assert len(hub.tries) == 11
    assert len(set(hub.taken)) == 96


def test_the_learned_number_of_recipients_applies_to_the_next_message() -> None:
    def say(lease: Lease, _: ServerAddress) -> Answer:
        count = len(lease.delivery.waiting)
        full = Reply(452, "Too many recipients", Esc(4, 5, 3))
        return Answer((OK,) * min(count, 10) + (full,) * max(0, count - 10))

    world, hub = one_hub(say)

    async def scenario(world: World) -> None:
        for id_ in ("m1", "m2"):
            to = [f"{id_}-{number}@x.example" for number in range(25)]
            await world.send(world.mail(id_, to=to))
            await asyncio.sleep(5)

    world.run(scenario)
    assert [len(to) for _, _, to in hub.tries] == [25, 15, 5, 10, 10, 5]
    assert len(set(hub.taken)) == 50


def test_the_recipient_limit_of_another_target_does_not_split_mail() -> None:
    full = Reply(452, "Too many recipients", Esc(4, 5, 3))

    def ten(lease: Lease, _: ServerAddress) -> Answer:
        count = len(lease.delivery.waiting)
        return Answer((OK,) * min(count, 10) + (full,) * max(0, count - 10))

    hub, backup = Upstream(smarthost(), unreachable()), Upstream(smarthost("backup"), ten)
    world = World([hub, backup], [route(hub.target, backup.target)])

    async def scenario(world: World) -> None:
        for id_ in ("m1", "m2"):  # the first target is there again for the second one
            await world.send(world.mail(id_, to=[f"{id_}-{n}@x.example" for n in range(25)]))
            await asyncio.sleep(300)
            hub.say = Answer()

    world.run(scenario)
    assert [len(to) for _, _, to in backup.tries] == [25, 15, 5]
    assert len(hub.tries[-1][2]) == 25


def test_a_rate_spaces_messages_and_connections_are_bounded() -> None:
    world, hub = one_hub(Answer(seconds=3), limits=limits(connections=2, rate=60.0))

    async def scenario(world: World) -> None:
        for number in range(30):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(120)

    world.run(scenario)
    assert len(hub.taken) == 30
    assert hub.most_open == 2
    times = [at for at, *_ in hub.tries]
    assert times[-1] - times[0] >= timedelta(seconds=40)  # two at once, three seconds each


def test_simultaneous_attempts_are_limited_over_all_next_hops() -> None:
    hubs = [Upstream(smarthost(f"hub{n}"), Answer(seconds=1)) for n in range(6)]
    routes = [
        route(each.target, name=each.target.name, to=[f"{n}.net"]) for n, each in enumerate(hubs)
    ]
    world = World(hubs, routes, slots=Slots(4))
    begun: list[int] = []

    async def scenario(world: World) -> None:
        for number in range(6):
            await world.send(world.mail(f"m{number}", to=[f"bob@{number}.net"]))
        await asyncio.sleep(0.5)
        begun.append(sum(len(each.tries) for each in hubs))
        await asyncio.sleep(10)

    world.run(scenario)
    assert begun == [3], "and one for a next hop that is known to work"
    assert sum(len(each.taken) for each in hubs) == 6


def test_mail_without_room_in_memory_is_delivered_from_the_store() -> None:
    hub = Upstream(smarthost(), Answer(seconds=1))
    world = World([hub], [route(hub.target)], bounds=Bounds(leases=40, octets=300))

    async def scenario(world: World) -> None:
        for number in range(500):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(60)

    world.run(scenario)
    assert len(hub.taken) == len(set(hub.taken)) == 500
    order = [int(id_[1:]) for id_, _ in hub.taken]
    assert max(abs(place - number) for place, number in enumerate(order)) < 60


def test_a_body_in_a_file_is_read_from_the_store() -> None:
    world, hub = one_hub()

    async def scenario(world: World) -> None:
        import io

        body = FileBody(io.BytesIO(b"Subject: x\r\n\r\n"), 14)
        await world.send(world.mail(body=body))
        body.file.close()
        await asyncio.sleep(1)

    world.run(scenario)
    assert hub.contents["m1"] == b"Subject: x\r\n\r\n"


def test_an_exception_in_a_transport_defers_the_message_with_its_reason() -> None:
    world, hub = one_hub(Answer(fault=ZeroDivisionError("secret words")))

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(1)
        delivery = await world.delivery("m1.0")
        assert delivery.state == "waiting"
        assert "ZeroDivisionError" in delivery.history[0].reply.reason
        assert "secret" not in delivery.history[0].reply.reason
        hub.say = Answer()
        await asyncio.sleep(100)

    world.run(scenario)
    assert len(hub.taken) == 1
    assert world.told("internal_error")


@pytest.mark.parametrize("asked", ["lease_overdue", "lease", "next_due", "settle"])
def test_an_exception_in_the_queue_is_reported_and_delivery_continues(asked: str) -> None:
    answers = iter([Answer((GREYLISTED,), "rcpt"), Answer()])
    world, hub = one_hub(lambda *_: next(answers))

    async def scenario(world: World) -> None:
        world.gate.faults[asked] = ZeroDivisionError("secret words")
        await world.send(world.mail())
        await asyncio.sleep(600)

    world.run(scenario)
    assert hub.taken == [("m1", "bob@example.net")]
    [told] = world.told("not_settled" if asked == "settle" else "internal_error")
    assert told["reason"].startswith("ZeroDivisionError at ")


def test_an_exception_in_choosing_a_target_delays_only_its_next_hop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, hub = one_hub()
    choose, faults = TargetChoice.choose, [ZeroDivisionError()]

    def choose_badly(self: TargetChoice, *arguments: Any) -> Any:
        if faults:
            raise faults.pop()
        return choose(self, *arguments)

    monkeypatch.setattr(TargetChoice, "choose", choose_badly)

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(LOOK + 1)

    world.run(scenario)
    assert hub.taken == [("m1", "bob@example.net")]
    [told] = world.told("internal_error")
    assert told["next_hop"] == "out"


def test_no_more_is_sent_than_can_be_recorded_soon() -> None:
    """While the store is stuck, because a relay that dies sends again what was not recorded."""
    world, hub = one_hub()
    sent: list[int] = []

    async def scenario(world: World) -> None:
        world.gate.stuck["settle"] = asyncio.Event()
        for number in range(100):
            await world.send(world.mail(f"m{number}"))
            await asyncio.sleep(0.1)
        sent.append(len(hub.taken))
        world.gate.stuck.pop("settle").set()
        await asyncio.sleep(10)

    world.run(scenario)
    assert sent[0] <= UNSETTLED + 2 * HopLimits().connections
    assert sorted(hub.taken) == sorted((f"m{number}", "bob@example.net") for number in range(100))


def test_captured_mail_is_stored_at_once() -> None:
    hub = Upstream(smarthost())
    kept = Capture("here")
    table = [route(kept, name="local", to=["here.example"]), route(hub.target)]
    world = World([hub], table)

    async def scenario(world: World) -> None:
        await world.send(world.mail(to=["bob@here.example"]))
        assert await world.store.count() == 1
        assert await world.states() == {}

    world.run(scenario)
    assert not hub.tries


@pytest.mark.parametrize("hops", [1, 2, 30])
def test_mail_waiting_in_the_store_is_delivered_without_pauses(hops: int) -> None:
    """More than memory takes, also beside a next hop that takes its time."""
    slow = Upstream(smarthost("slow", limits=limits(connections=1)), Answer(seconds=20.0))
    hubs = [Upstream(smarthost(f"hub{number}")) for number in range(hops)]
    routes = [route(each.target, name=each.target.name, to=[f"{each.target.name}.example"])
              for each in (*hubs, slow)]  # fmt: skip
    world = World([*hubs, slow], routes, bounds=Bounds(leases=80))
    mail = [
        world.mail(f"m{number}", to=[f"bob@hub{number % hops}.example"]) for number in range(400)
    ]
    mail += [world.mail(f"s{number}", to=["bob@slow.example"]) for number in range(60)]

    async def scenario(world: World) -> None:
        await world.kill()
        for each in mail:
            planned = world.routes.plan(each).planned
            await world.deliveries.put(each, planned, leased=False)
        await world.start()
        began = world.clock.monotonic()
        while sum(len(hub.taken) for hub in hubs) < 400:
            await asyncio.sleep(0.1)
            assert world.clock.monotonic() - began < LOOK / 3

    world.run(scenario)


def test_mail_delayed_by_a_rate_gets_its_last_attempt_in_time() -> None:
    """Others that came while it waited for its second try are in front of it in the line."""

    def say(lease: Lease, _: ServerAddress) -> Answer:
        is_early = world.clock.monotonic() < 200
        old = lease.message.id == "old"
        return Answer((GREYLISTED,), "rcpt") if old and is_early else Answer()

    hub = Upstream(smarthost(limits=limits(rate=1.0)), say)
    schedule = steady(first=timedelta(minutes=5), expire=timedelta(minutes=10), warn=None)
    world = World([hub], [route(hub.target, retry=schedule)])

    async def scenario(world: World) -> None:
        await world.send(world.mail("old"))
        await asyncio.sleep(240)
        for number in range(20):
            await world.send(world.mail(f"new{number}"))
        await asyncio.sleep(400)
        assert (await world.delivery("old.0")).addressees[0].fate == "delivered"

    world.run(scenario)
    assert not world.told("message_failed")


def test_who_reads_that_mail_failed_after_a_4yz_reads_that_its_time_was_up() -> None:
    hub = Upstream(smarthost(), Answer((GREYLISTED,), "rcpt"))
    world = World([hub], [route(hub.target, retry=steady(expire=timedelta(minutes=10)))])

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(700)

    world.run(scenario)
    [failed] = world.told("message_failed")
    assert (failed["reply"], failed["reason"]) == (str(GREYLISTED), "it has expired")


class Damaged(MemoryDeliveries):
    """A store in which something of all messages is damaged."""

    def __init__(self, *, is_held: bool) -> None:
        super().__init__()
        self._is_held = is_held

    async def lease(self, *arguments: Any) -> Sequence[Lease]:
        leases = await super().lease(*arguments)
        if self._is_held:
            return [replace(each, delivery=replace(each.delivery, state="held")) for each in leases]
        return [replace(each, message=replace(each.message, is_damaged=True)) for each in leases]


def test_damage_of_a_delivered_message_is_reported_once() -> None:
    answers = iter([*[Answer((GREYLISTED,), "rcpt")] * 3, Answer()])
    world, hub = one_hub(lambda *_: next(answers))
    world.deliveries = Damaged(is_held=False)

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(600)

    world.run(scenario)
    assert hub.taken == [("m1", "bob@example.net")]
    [told] = world.told("message_damaged")
    assert told["id"] == "m1"
    assert "ENVID" in told["reason"]


def test_a_delivery_with_damaged_recipients_is_reported_and_not_tried() -> None:
    world, hub = one_hub(Answer((GREYLISTED,), "rcpt"))
    world.deliveries = Damaged(is_held=True)

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(600)

    world.run(scenario)
    assert len(hub.tries) == 1, "from memory"
    [told] = world.told("message_damaged")
    assert "held" in told["reason"]
