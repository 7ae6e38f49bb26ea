"""Servers that are down, busy or slow: pauses, failover, and no delay of other mail."""

import asyncio
from datetime import timedelta

import pytest

from gatepost.errors import (
    Disconnected,
    GatepostError,
    TimedOut,
)
from gatepost.model.delivery import Lease
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import AcsRestTarget, ServerAddress
from gatepost.queue.unsettled import UNSETTLED, Unsettled, is_unsettled
from gatepost.relay.deliverer import Bounds
from tests.simulated_delivery import (
    A_RECORD,
    DAY,
    GREYLISTED,
    NO_CONNECTION,
    OK,
    UNKNOWN,
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
    unreachable,
)

SAYS_NOTHING = Answer(
    (Reply(451, "No answer in time", Esc(4, 4, 2), "it said nothing"),),
    "greeting",
    is_remote=False,
    seconds=300,
    error=TimedOut("nothing"),
)
"""Of a server that takes connections: a greeting may take five minutes (RFC 5321 4.5.3.2.1)."""


def test_an_unreachable_server_pauses_and_others_are_used() -> None:
    dead = Upstream(smarthost("dead", ["dead.example"]), unreachable())
    hub = Upstream(smarthost())
    table = [route(dead.target, name="a", to=["a.example"], retry=steady()),
             route(hub.target, name="b", retry=steady())]  # fmt: skip
    world = World([dead, hub], table)

    async def scenario(world: World) -> None:
        for number in range(50):
            await world.send(world.mail(f"a{number}", to=["x@a.example"]))
            await world.send(world.mail(f"b{number}", to=["x@b.example"]))
        await asyncio.sleep(20)
        assert len(hub.taken) == 50
        assert 3 <= len(dead.tries) <= 12
        states = await world.states()
        assert {states[f"a{number}.0"] for number in range(50)} == {"waiting"}
        pause = world.deliverer.pause_of((await world.delivery("a9.0")).next_hop)
        assert pause is not None
        assert pause.what == "dead.example:587"
        dead.say = Answer()
        await asyncio.sleep(300)
        assert len(dead.taken) == 50

    world.run(scenario)
    assert world.told("next_hop_rests")[0]["reason"] == "connection refused"


def test_a_server_that_refuses_all_connections_pauses() -> None:
    """However much mail waits, it is not dialled once for each."""
    too_many = Reply(421, "too many connections", Esc(4, 3, 2))
    world, hub = one_hub(refused_before_mail(too_many, "greeting"))

    async def scenario(world: World) -> None:
        for number in range(200):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(20)
        assert len(hub.tries) <= 20
        hub.say = Answer()
        await asyncio.sleep(300)
        assert len(hub.taken) == 200

    world.run(scenario)
    assert str(too_many) in world.told("next_hop_rests")[0]["reason"]


def test_a_server_that_permits_two_connections_gets_two() -> None:
    """As a Postfix says it; those that were too many at once are one complaint."""
    too_many = refused_before_mail(
        Reply(421, "too many connections", Esc(4, 7, 0)), "greeting", seconds=0.05
    )
    world, hub = one_hub(lambda *_: too_many if hub.open >= 2 else Answer(seconds=0.05))

    async def scenario(world: World) -> None:
        for number in range(200):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(15)
        assert len(hub.taken) == 200

    world.run(scenario)
    assert not world.told("next_hop_rests")
    assert not world.told("message_deferred"), "it was about no message"
    assert len(hub.tries) < 220


def test_a_message_that_always_gets_421_does_not_delay_others() -> None:
    cut_off = Answer((Reply(421, "closing"),), "content")
    world, hub = one_hub(lambda lease, _: cut_off if lease.message.id == "m1" else Answer())

    async def scenario(world: World) -> None:
        await world.send(world.mail("m1", sender=""))
        await asyncio.sleep(DAY.total_seconds())
        await world.send(world.mail("m2"))
        await asyncio.sleep(1)

    world.run(scenario)
    assert hub.taken == [("m2", "bob@example.net")]


def test_a_connection_too_many_waits_for_its_target_even_if_the_next_is_busy() -> None:
    too_many = refused_before_mail(Reply(421, "too many connections", Esc(4, 7, 0)), "greeting")
    first = Upstream(smarthost("first", ["first.example"]))
    first.say = lambda *_: too_many if first.open else Answer(seconds=20)
    slow = Upstream(smarthost("slow", ["slow.example"], limits=limits(rate=0.1)))
    table = [route(slow.target, name="b", to=["b.example"], retry=steady()),
             route(first.target, slow.target, name="a", retry=steady())]  # fmt: skip
    world = World([first, slow], table)

    async def scenario(world: World) -> None:
        await world.send(world.mail("m1", to=["x@b.example"]))
        await world.send(world.mail("m2"))
        await asyncio.sleep(1)
        await world.send(world.mail("m3"))
        await asyncio.sleep(40)

    world.run(scenario)
    assert [message for message, _ in first.taken] == ["m2", "m3"]
    assert not world.told("message_deferred"), "it was about no message"


def test_an_address_that_never_answers_pauses_after_one_attempt() -> None:
    """Half a minute is lost on it by one message, not by three."""
    silence = TimedOut("no answer in time").at("connect")
    hole = Answer((NO_CONNECTION,), "connect", is_remote=False, seconds=30, error=silence)
    hub = Upstream(mx(), lambda _, server: hole if ":" in server.address else Answer())
    zone = "example.net. MX 10 mx.example.net.\nmx.example.net. AAAA 2001:db8::1\n"
    world = World([hub], [route(hub.target)], dns=f"{zone}mx.example.net. A 192.0.2.1")

    async def scenario(world: World) -> None:
        await world.send(world.mail("m1"))
        await asyncio.sleep(31)
        assert len(hub.taken) == 1
        for number in range(5):
            await world.send(world.mail(f"n{number}"))
        await asyncio.sleep(1)
        assert len(hub.taken) == 6

    world.run(scenario)


def test_after_a_pause_one_attempt_is_made_first() -> None:
    world, hub = one_hub(unreachable(seconds=5))

    async def scenario(world: World) -> None:
        for number in range(30):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(20)
        before = len(hub.tries)
        hub.most_open = 0
        await asyncio.sleep(40)
        assert len(hub.tries) == before + 1
        assert hub.most_open == 1
        hub.say = Answer(seconds=1)
        await asyncio.sleep(300)
        assert len(hub.taken) == 30
        assert hub.most_open == 10

    world.run(scenario)


def test_mail_fails_over_to_the_next_target_and_back() -> None:
    first = Upstream(smarthost("first", ["first.example"]), unreachable())
    second = Upstream(smarthost("second", ["second.example"]))
    world = World([first, second], [route(first.target, second.target, retry=steady())])

    async def scenario(world: World) -> None:
        for number in range(20):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(1)
        assert len(second.taken) == 20
        assert len(first.tries) <= 12
        first.say = Answer()
        await asyncio.sleep(60)
        await world.send(world.mail("later"))
        await asyncio.sleep(1)

    world.run(scenario)
    assert first.taken == [("later", "bob@example.net")]


def test_a_server_that_drops_what_is_too_many_gets_as_many_as_it_takes() -> None:
    """It says no 421, as a firewall that limits connections: it works, and is not paused."""

    def say(_lease: Lease, server: ServerAddress) -> Answer:
        if hub.open >= 2:
            return Answer((lost,), "greeting", is_remote=False, error=Disconnected("closed"))
        return Answer(seconds=1)

    lost = Reply(451, "Connection lost", Esc(4, 4, 2), "closed")
    hub = Upstream(smarthost(), say)
    world = World([hub], [route(hub.target, retry=steady())])

    async def scenario(world: World) -> None:
        for number in range(100):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(55)
        assert len(hub.taken) >= 80
        await asyncio.sleep(120)
        assert len(hub.taken) == 100

    world.run(scenario)


def test_a_server_that_takes_connections_and_says_nothing_is_waited_for_once() -> None:
    """For five minutes; while no login there has succeeded, nobody else would have a turn."""
    first = Upstream(smarthost("first", credential="acs"), SAYS_NOTHING)
    second = Upstream(smarthost("second", ["b.example"]))
    world = World([first, second], [route(first.target, second.target, retry=steady())])

    async def scenario(world: World) -> None:
        for number in range(5):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(310)
        assert len(first.tries) == 1
        assert len(second.taken) == 5

    world.run(scenario)


def test_while_one_message_tests_a_target_the_next_one_has_the_others() -> None:
    """That may take minutes."""
    first = Upstream(smarthost("first"), SAYS_NOTHING)
    second = Upstream(smarthost("second", ["b.example"]))
    world = World([first, second], [route(first.target, second.target, retry=steady())])

    async def scenario(world: World) -> None:
        for number in range(3):
            await world.send(world.mail(f"early{number}"))
        await asyncio.sleep(350)
        assert len(second.taken) == 3
        for number in range(20):
            await world.send(world.mail(f"late{number}"))
            await asyncio.sleep(2)
        assert len(first.tries) == 2
        assert len(second.taken) == 3 + 19  # without the one that tests

    world.run(scenario)


@pytest.mark.parametrize(("said", "takers"), [(GREYLISTED, 1), (UNKNOWN, 0)])
def test_mail_that_one_target_defers_goes_to_the_next(said: Reply, takers: int) -> None:
    first, second = Upstream(smarthost("first"), Answer((said,), "rcpt")), Upstream(mx("second"))
    world = World([first, second], [route(first.target, second.target)], dns=A_RECORD)

    async def scenario(world: World) -> None:
        await world.send(world.mail(sender=""))
        await asyncio.sleep(1)
        assert len(second.taken) == takers
        assert (await world.delivery("m1.0")).state == "settled"

    world.run(scenario)


def test_the_reply_of_each_target_is_recorded() -> None:
    first = Upstream(smarthost("first"), Answer((GREYLISTED,), "rcpt"))
    second = Upstream(smarthost("second", ["b.example"]), unreachable())
    world = World([first, second], [route(first.target, second.target, retry=steady())])

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(65)
        delivery = await world.delivery("m1.0")
        assert [(each.contact.target, each.times) for each in delivery.history] == [
            ("first", 2), ("second", 2),
        ]  # fmt: skip
        assert delivery.attempts == 2

    world.run(scenario)


def test_accepted_mail_goes_to_no_other_target_until_its_result_is_known() -> None:
    """Its operation is asked for when it is up again, and may turn out to have failed."""
    unsettled = Answer(
        (UNSETTLED.because("HTTP 503"),), is_remote=False, error=Unsettled("HTTP 503")
    )
    api = Upstream(AcsRestTarget("api", "https://api.example", "key"), unsettled)
    second = Upstream(smarthost("second", ["b.example"]))
    world = World([api, second], [route(api.target, second.target, retry=steady())])

    async def scenario(world: World) -> None:
        await world.send(world.mail("m1"))
        await asyncio.sleep(1)
        api.say = unreachable()
        for number in range(2, 6):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(200)
        assert {message for message, _ in second.taken} == {"m2", "m3", "m4", "m5"}
        assert len(api.tries) > 5
        api.say = Answer((GREYLISTED,))
        await asyncio.sleep(2400)
        assert second.taken[4:] == [("m1", "bob@example.net")]

    world.run(scenario)


def test_the_result_for_one_recipient_is_kept_while_another_is_unknown() -> None:
    """Both were accepted; then the result of one was a refusal, and that of the other no answer."""

    lost = GatepostError("no answer")
    api = Upstream(
        AcsRestTarget("api", "https://api.example", "key"),
        Answer((UNSETTLED,), is_remote=False, error=Unsettled("still Running")),
    )
    second = Upstream(smarthost("second", ["b.example"]))
    world = World([api, second], [route(api.target, second.target, retry=steady())])

    async def scenario(world: World) -> None:
        await world.send(world.mail(sender="", to=["open@x.example", "bad@x.example"]))
        await asyncio.sleep(1)
        said = (NO_CONNECTION, UNKNOWN)
        api.say = Answer(said, is_remote=False, error=lost, own=(UNKNOWN,))
        await asyncio.sleep(100)
        [failed] = world.told("message_failed")
        assert (failed["rcpt_to"], failed["reply"]) == (["bad@x.example"], str(UNKNOWN))
        delivery = await world.delivery("m1.0")
        assert is_unsettled(delivery, "api")

    world.run(scenario)
    assert not second.taken


CROWDED = Reply(452, "too many recipients", Esc(4, 5, 3))
LAST_TRY = steady(table=(timedelta(minutes=5),), expire=timedelta(minutes=5), warn=None)


def test_surplus_recipients_follow_at_once_in_the_last_attempt_too() -> None:
    def say(lease: Lease, server: ServerAddress) -> Answer:
        if world.clock.monotonic() < 250:
            return unreachable()
        waiting = len(lease.delivery.waiting)
        return Answer((*[OK] * min(2, waiting), *[CROWDED] * (waiting - 2)))

    hub = Upstream(smarthost(), say)
    world = World([hub], [route(hub.target, retry=LAST_TRY)])
    to = [f"{number}@x.example" for number in range(5)]

    async def scenario(world: World) -> None:
        await world.send(world.mail(sender="", to=to))
        await asyncio.sleep(400)

    world.run(scenario)
    assert [each for _, each in hub.taken] == to
    assert not world.told("message_failed")


def test_deferred_recipients_go_to_the_next_target_in_the_last_attempt_too() -> None:
    def say(lease: Lease, server: ServerAddress) -> Answer:
        if world.clock.monotonic() < 250:
            return unreachable()
        waiting = [str(each.address) for each in lease.delivery.waiting]
        return Answer(tuple([GREYLISTED if each == "grey@x.example" else OK for each in waiting]))

    def take(_lease: Lease, server: ServerAddress) -> Answer:
        return unreachable() if world.clock.monotonic() < 250 else Answer()

    first, second = Upstream(smarthost("first"), say), Upstream(smarthost("second"), take)
    world = World([first, second], [route(first.target, second.target, retry=LAST_TRY)])

    async def scenario(world: World) -> None:
        await world.send(world.mail(sender="", to=["ok@x.example", "grey@x.example"]))
        await asyncio.sleep(400)

    world.run(scenario)
    assert [to for _, to in first.taken] == ["ok@x.example"]
    assert [to for _, to in second.taken] == ["grey@x.example"]


def test_recipients_deferred_beside_accepted_ones_go_to_the_next_target_at_once() -> None:
    def say(lease: Lease, server: ServerAddress) -> Answer:
        fates = {"grey@x.example": GREYLISTED, "none@x.example": UNKNOWN}
        waiting = [str(each.address) for each in lease.delivery.waiting]
        return Answer(tuple([fates.get(each, OK) for each in waiting]))

    first, second = Upstream(smarthost("first"), say), Upstream(smarthost("second"))
    world = World([first, second], [route(first.target, second.target, retry=steady())])

    async def scenario(world: World) -> None:
        to = ["ok@x.example", "grey@x.example", "none@x.example"]
        await world.send(world.mail(sender="", to=to))
        await asyncio.sleep(1)

    world.run(scenario)
    assert [to for _, to in first.taken] == ["ok@x.example"]
    assert [to for _, to in second.taken] == ["grey@x.example"]


@pytest.mark.parametrize("credential", ["", "acs"])
def test_mail_fails_over_to_the_next_server_of_a_target(credential: str) -> None:
    """At once, also where nobody knows yet whether the credential is any good."""
    hub = Upstream(
        smarthost(hosts=["one.example", "two.example"], credential=credential),
        lambda _, server: unreachable() if server.host == "one.example" else Answer(),
    )
    world = World([hub], [route(hub.target)])

    async def scenario(world: World) -> None:
        for number in range(10):
            await world.send(world.mail(f"m{number}"))
            await asyncio.sleep(0.1)

    world.run(scenario)
    assert len(hub.taken) == 10
    assert not world.told("message_deferred")
    assert sum(server == "one.example:587" for _, server, _ in hub.tries) == 3


def test_retry_after_is_respected() -> None:
    busy = Answer((Reply(451, "busy", Esc(4, 3, 2)),), "content", retry_after=1000.0)
    world, hub = one_hub(busy, credential="acs")

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(1)
        hub.say = Answer()
        await asyncio.sleep(990)
        assert not hub.taken
        await asyncio.sleep(500)

    world.run(scenario)
    assert len(hub.taken) == 1


def test_the_retry_after_of_one_target_does_not_delay_another() -> None:
    busy = Answer((Reply(451, "busy", Esc(4, 3, 2)),), "content", retry_after=7200.0)
    first = Upstream(smarthost("first", ["first.example"], credential="acs"), busy)
    second = Upstream(smarthost("second", ["second.example"]), unreachable())
    both = route(first.target, second.target, name="both", to=["a.example"], retry=steady())
    world = World([first, second], [both, route(second.target, retry=steady())])

    async def scenario(world: World) -> None:
        for number in range(3):  # the second one is paused
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(1)
        await world.send(world.mail("late", to=["bob@a.example"]))
        await asyncio.sleep(1)
        second.say = Answer()
        await asyncio.sleep(300)

    world.run(scenario)
    assert ("late", "bob@a.example") in second.taken
    assert len(first.tries) == 1


def test_replies_to_many_recipients_of_a_message_count_once() -> None:
    names = [f"u{number}@x.example" for number in range(5)]
    full = tuple([Reply(452, f"<{each}>: no room", Esc(4, 3, 1)) for each in names])
    world, hub = one_hub(Answer(full, "rcpt"))

    async def scenario(world: World) -> None:
        await world.send(world.mail(to=names))
        await asyncio.sleep(1)
        hub.say = Answer()
        await world.send(world.mail("m2"))
        await asyncio.sleep(1)

    world.run(scenario)
    assert hub.taken == [("m2", "bob@example.net")]


def test_two_targets_on_one_server_pause_independently() -> None:
    """The server has had enough of one account, or one of them has the wrong authority."""
    bad = Upstream(smarthost("bad", ["hub.example"]), unreachable())
    good = Upstream(smarthost("good", ["hub.example"]))
    world = World([bad, good], [route(bad.target, name="a", to=["a.example"], retry=steady()),
                                route(good.target, name="b", retry=steady())])  # fmt: skip

    async def scenario(world: World) -> None:
        for number in range(9):
            await world.send(world.mail(f"a{number}", to=["x@a.example"]))
        await asyncio.sleep(20)
        assert world.told("next_hop_rests")
        for number in range(9):
            await world.send(world.mail(f"b{number}", to=["x@b.example"]))
        await asyncio.sleep(1)
        assert len(good.taken) == 9

    world.run(scenario)


@pytest.mark.parametrize("number", [2, 6])
def test_slow_next_hops_do_not_delay_others(number: int) -> None:
    names = [f"slow{each}" for each in range(number)]
    slow = [Upstream(smarthost(each, limits=limits(rate=1))) for each in names]
    fast = Upstream(smarthost("fast"))
    routes = [route(each, name=each.name, to=[f"{each.name}.example"])
              for each in (one.target for one in (*slow, fast))]  # fmt: skip
    world = World([*slow, fast], routes, bounds=Bounds(leases=80))

    async def put(name: str, count: int) -> None:
        for each in range(count):
            mail = world.mail(f"{name}-{each}", to=[f"bob@{name}.example"])
            await world.deliveries.put(mail, world.routes.plan(mail).planned, leased=False)
        world.deliverer.wake()
        await asyncio.sleep(60)

    async def scenario(_: World) -> None:
        for name in names:
            await put(name, 200)
        await put("fast", 300)

    world.run(scenario)
    assert len(fast.taken) == 300
    assert all(each.taken for each in slow)
