"""Routes out of ACS: by recipient and size, quotas, and refusals that another target takes."""

import asyncio

import pytest

from gatepost.model.body import BytesBody
from gatepost.model.delivery import Delivery
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import Match, Retry, Route, Smarthost, SmarthostTarget
from gatepost.queue.why import why
from gatepost.relay.transport.http_api import ApiRefused, Meaning, as_refused
from tests.simulated_delivery import (
    GREYLISTED,
    OK,
    Answer,
    Upstream,
    World,
    route,
    steady,
    unreachable,
)

HVE_ONLY_INSIDE = Reply(550, "External sending is not supported", Esc(5, 5, 105))
TERRL = Reply(550, "Your message can't be sent because your tenant exceeded", Esc(5, 7, 233))
TOO_LARGE = Reply(552, "message too large", Esc(5, 3, 4))
NO_GRANT = Reply(430, "STOREDRV; mailbox logon failure", Esc(4, 2, 0))
SES_QUOTA = Reply(454, "Throttling failure: Daily message quota exceeded.", Esc(4, 7, 0))
HOUR = 3600.0


def hve() -> SmarthostTarget:
    return SmarthostTarget("hve", (Smarthost("hve.example"),), credential="hve")


def outside() -> SmarthostTarget:
    return SmarthostTarget("outside", (Smarthost("outside.example"),), credential="outside")


async def sentence(world: World, delivery: str = "m1.0") -> str:
    found: Delivery = await world.delivery(delivery)
    return why(found, world.clock.now(), world.deliverer.pause_of(found.next_hop)).sentence


def test_recipients_inside_and_outside_get_separate_deliveries() -> None:
    inside, rest = Upstream(hve()), Upstream(outside())
    world = World(
        [inside, rest], [route(inside.target, name="in", to=["contoso.com"]), route(rest.target)]
    )

    async def scenario(world: World) -> None:
        mail = world.mail("m1", sender="app@contoso.com", to=["ann@contoso.com", "bob@example.net"])
        await world.send(mail)
        await asyncio.sleep(1)

    world.run(scenario)
    assert inside.taken == [("m1", "ann@contoso.com")]
    assert rest.taken == [("m1", "bob@example.net")]
    assert str(rest.envelopes["m1"].sender) == "app@contoso.com"


def test_large_mail_takes_the_next_route() -> None:
    graph, rest = Upstream(hve()), Upstream(outside())
    small = Route("small", (graph.target,), Match(size=100), Retry())
    world = World([graph, rest], [small, route(rest.target)])

    async def scenario(world: World) -> None:
        await world.send(world.mail("small", body=BytesBody(b"x" * 100)))
        await world.send(world.mail("large", body=BytesBody(b"x" * 101)))
        await asyncio.sleep(1)

    world.run(scenario)
    assert [each for each, _ in graph.taken] == ["small"]
    assert [each for each, _ in rest.taken] == ["large"]


def test_what_is_too_large_for_every_route_goes_to_the_last_that_matches() -> None:
    hub = Upstream(hve(), Answer((TOO_LARGE,)))
    world = World([hub], [Route("small", (hub.target,), Match(size=10), Retry())])

    async def scenario(world: World) -> None:
        await world.send(world.mail("m1", body=BytesBody(b"x" * 11)))
        await asyncio.sleep(1)
        assert (await world.delivery("m1.0")).state == "settled"

    world.run(scenario)
    assert world.told("message_failed")


@pytest.mark.parametrize("refusal", [HVE_ONLY_INSIDE, TOO_LARGE])
def test_what_a_target_never_takes_goes_to_the_next(refusal: Reply) -> None:
    first, second = Upstream(hve(), Answer((refusal,))), Upstream(outside())
    world = World([first, second], [route(first.target, second.target)])

    async def scenario(world: World) -> None:
        await world.send(world.mail("m1"))
        await asyncio.sleep(1)

    world.run(scenario)
    assert [each for each, _ in second.taken] == ["m1"]


def test_a_recipient_outside_goes_to_the_next_target_and_the_other_does_not() -> None:
    first = Upstream(hve(), lambda lease, _: Answer(replies_to(lease.delivery), "rcpt"))
    second = Upstream(outside())
    world = World([first, second], [route(first.target, second.target)])

    def replies_to(delivery: Delivery) -> tuple[Reply, ...]:
        return tuple(
            OK if each.address.domain == "contoso.com" else HVE_ONLY_INSIDE
            for each in delivery.waiting
        )

    async def scenario(world: World) -> None:
        await world.send(world.mail("m1", to=["ann@contoso.com", "bob@example.net"]))
        await asyncio.sleep(5)

    world.run(scenario)
    assert first.taken == [("m1", "ann@contoso.com")]
    assert second.taken == [("m1", "bob@example.net")]


def test_mail_waits_for_a_target_that_may_take_it_while_that_is_down() -> None:
    first, second = Upstream(hve(), Answer((TOO_LARGE,))), Upstream(outside(), unreachable())
    world = World([first, second], [route(first.target, second.target, retry=steady())])

    async def scenario(world: World) -> None:
        await world.send(world.mail("m1"))
        await asyncio.sleep(10 * 60)
        assert (await world.delivery("m1.0")).state == "waiting"
        second.say = Answer()
        await asyncio.sleep(HOUR)
        assert [each for each, _ in second.taken] == ["m1"]

    world.run(scenario)


def test_mail_waits_for_a_target_that_deferred_it_if_the_next_never_takes_it() -> None:
    first, second = (
        Upstream(hve(), Answer((GREYLISTED,))),
        Upstream(outside(), Answer((TOO_LARGE,))),
    )
    world = World([first, second], [route(first.target, second.target, retry=steady())])

    async def scenario(world: World) -> None:
        await world.send(world.mail("m1"))
        await asyncio.sleep(1)
        assert (await world.delivery("m1.0")).state == "waiting"
        first.say = Answer()
        await asyncio.sleep(HOUR)
        assert [each for each, _ in first.taken] == ["m1"]

    world.run(scenario)


def test_what_all_targets_never_take_is_returned() -> None:
    both = Upstream(hve(), Answer((TOO_LARGE,))), Upstream(outside(), Answer((TOO_LARGE,)))
    world = World(both, [route(*[each.target for each in both])])

    async def scenario(world: World) -> None:
        await world.send(world.mail("m1"))
        await asyncio.sleep(1)
        assert (await world.delivery("m1.0")).state == "settled"

    world.run(scenario)


@pytest.mark.parametrize(
    ("reply", "what"), [(TERRL, "(TERRL)"), (SES_QUOTA, "the account's quota")]
)
def test_a_quota_is_a_pause_with_its_reason_and_end(reply: Reply, what: str) -> None:
    """Nothing is returned to senders, and one message an hour asks whether there is room again."""
    hub = Upstream(outside(), Answer((reply,)))
    world = World([hub], [route(hub.target, retry=steady())])

    async def scenario(world: World) -> None:
        await world.send(world.mail("m0"))
        await asyncio.sleep(1)
        for number in range(1, 20):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(HOUR / 2)
        assert len(hub.tries) == 1
        said = await sentence(world)
        assert what in said
        assert "is used up" in said
        assert "tried at" in said
        await asyncio.sleep(3 * HOUR)
        assert 3 <= len(hub.tries) <= 5
        hub.say = Answer()
        await asyncio.sleep(2 * HOUR)
        assert len(hub.taken) == 20

    world.run(scenario)
    assert what in world.told("next_hop_rests")[0]["reason"]
    assert not world.told("message_failed")
    assert not world.told("sign_in_stopped")


def test_mail_of_a_used_up_quota_goes_to_the_next_target() -> None:
    first, second = Upstream(outside(), Answer((TERRL,))), Upstream(hve())
    world = World([first, second], [route(first.target, second.target)])

    async def scenario(world: World) -> None:
        for number in range(10):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(60)

    world.run(scenario)
    assert len(second.taken) == 10
    assert len(first.tries) <= 2


def test_a_missing_grant_is_told_at_once_and_once_and_mail_is_tried_again() -> None:
    """Exchange accepts the login, and defers each message."""
    hub = Upstream(outside(), Answer((NO_GRANT,)))
    world = World([hub], [route(hub.target, retry=steady())])

    async def scenario(world: World) -> None:
        await world.send(world.mail("m1"))
        await asyncio.sleep(1)
        told = world.told("delivery_stopped")
        assert len(told) == 1
        assert "430" in str(told[0]["reply"])
        assert told[0]["finding"] == "access_not_propagated"
        assert "Add-MailboxPermission" in told[0]["reason"]
        await asyncio.sleep(HOUR)
        assert len(world.told("delivery_stopped")) == 1
        assert len(hub.tries) > 1
        hub.say = Answer()
        await asyncio.sleep(HOUR)
        assert len(hub.taken) == 1

    world.run(scenario)
    assert len(world.told("sign_in_works")) == 1


def suspended() -> ApiRefused:
    meaning = Meaning("deferred", 554, Esc(5, 7, 0), "auth", hint="the account may not send now")
    return as_refused(meaning, "HTTP 400", "AccountSuspendedException", {}, 900.0)


def test_a_suspended_account_is_not_called_a_refused_login() -> None:
    error = suspended()
    answer = Answer((error.reply,), "auth", error=error, retry_after=900.0)
    hub = Upstream(outside(), answer)
    world = World([hub], [route(hub.target, retry=steady())])

    async def scenario(world: World) -> None:
        await world.send(world.mail("m1"))
        await asyncio.sleep(5)
        said = await sentence(world)
        assert said.startswith("outside takes no mail until somebody acts: ")
        assert "may not send" in said
        assert "is refused" not in said

    world.run(scenario)
    assert world.told("delivery_stopped")
    assert not world.told("sign_in_stopped")
