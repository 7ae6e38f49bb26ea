"""The delivery loop with upstream servers made up, on a clock that takes no time."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from gatepost.client.tokens.contract import unreadable
from gatepost.errors import (
    Disconnected,
    NoSharedMechanism,
    Phase,
    RemoteProtocolError,
    TimedOut,
    TokenError,
)
from gatepost.model.address import parse_address
from gatepost.model.delivery import Lease, Settlement
from gatepost.model.envelope import Recipient
from gatepost.model.plan import Plan
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import Capture, Match, NextHop, Route
from gatepost.net.dial import is_here
from gatepost.relay.courier import Courier
from gatepost.relay.deliver import LOOK, Bounds
from gatepost.relay.places import Own
from gatepost.relay.routes import Routes
from gatepost.relay.spool import FileBody
from gatepost.relay.transport.contract import Place
from gatepost.relay.transport.judging import reply_of
from tests.delivering import (
    DAY,
    GREYLISTED,
    HOUR,
    MINUTE,
    NO_CONNECTION,
    OK,
    REFUSED,
    UNKNOWN,
    Answer,
    Upstream,
    World,
    limits,
    mx,
    refused_before_mail,
    route,
    smarthost,
    steady,
    unreachable,
)

A_RECORD = "example.net. A 192.0.2.1"
GUID = "11111111-2222-3333-4444-555555555555"


def one_hub(say: object = Answer(), **target: object) -> tuple[World, Upstream]:
    hub = Upstream(smarthost(**target), say)  # type: ignore[arg-type]
    return World([hub], [route(hub.target, retry=steady())]), hub


def test_what_is_accepted_is_delivered_from_memory() -> None:
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


def test_what_is_deferred_is_tried_again_by_its_schedule() -> None:
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


def test_a_refusal_tells_the_sender_and_its_notification_is_delivered() -> None:
    def say(lease: object, _place: object) -> Answer:
        sender = lease.message.envelope.sender  # type: ignore[attr-defined]
        return Answer() if sender is None else Answer((UNKNOWN,), "rcpt")

    world, hub = one_hub(say)

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(1)

    world.run(scenario)
    assert hub.taken == [("n1", "alice@example.org")]
    assert hub.envelopes["n1"].sender is None
    assert b"Action: failed" in hub.contents["n1"]
    assert b"5.1.1" in hub.contents["n1"]
    assert world.told("message_failed")[0]["reply"] == str(UNKNOWN)


@pytest.mark.parametrize(
    ("sender", "notify"), [("", frozenset()), ("alice@example.org", frozenset({"NEVER"}))]
)
def test_nobody_is_told_who_does_not_want_to_be(sender: str, notify: frozenset[str]) -> None:
    world, hub = one_hub(Answer((UNKNOWN,), "rcpt"))
    bob = Recipient(parse_address("bob@example.net"), notify)

    async def scenario(world: World) -> None:
        await world.send(world.mail(sender=sender, to=[bob]))
        await asyncio.sleep(DAY.total_seconds())
        assert await world.states() == {"m1.0": "settled"}

    world.run(scenario)
    assert len(hub.tries) == 1


def test_a_notification_that_fails_makes_no_other() -> None:
    world, _hub = one_hub(Answer((UNKNOWN,), "rcpt"))

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(DAY.total_seconds())
        assert await world.states() == {"m1.0": "settled", "n1.0": "settled"}

    world.run(scenario)


@pytest.mark.parametrize(("passed_on", "notifications"), [(False, 1), (True, 0)])
def test_success_is_told_unless_the_next_server_does(passed_on: bool, notifications: int) -> None:
    world, hub = one_hub(Answer(passed_on=passed_on))
    bob = Recipient(parse_address("bob@example.net"), frozenset({"SUCCESS"}))

    async def scenario(world: World) -> None:
        await world.send(world.mail(to=[bob]))
        await asyncio.sleep(1)

    world.run(scenario)
    told = [content for id_, content in hub.contents.items() if id_ != "m1"]
    assert len(told) == notifications
    assert all(b"Action: relayed" in each for each in told)


def test_each_recipient_has_its_own_fate() -> None:
    def say(lease: object, _place: object) -> Answer:
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


def test_too_many_recipients_follow_at_once_in_another_transaction() -> None:
    full = Reply(452, "Too many recipients", Esc(4, 5, 3))

    def say(lease: object, _place: object) -> Answer:
        count = len(lease.delivery.waiting)  # type: ignore[attr-defined]
        return Answer((OK,) * min(count, 10) + (full,) * max(0, count - 10))

    world, hub = one_hub(say)

    async def scenario(world: World) -> None:
        await world.send(world.mail(to=[f"u{number}@x.example" for number in range(95)]))
        await asyncio.sleep(5)

    world.run(scenario)
    assert len(hub.tries) == 10
    assert len(set(hub.taken)) == 95


def test_who_waits_is_told_after_hours_and_again_when_the_time_is_up() -> None:
    def say(lease: object, _place: object) -> Answer:
        sender = lease.message.envelope.sender  # type: ignore[attr-defined]
        return Answer() if sender is None else Answer((GREYLISTED,), "rcpt")

    world, hub = one_hub(say)
    accepted = world.clock.now()

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(6 * DAY.total_seconds())
        assert set((await world.states()).values()) == {"settled"}

    world.run(scenario)
    told = [(at, hub.contents[id_]) for (id_, _), at in zip(
        list(hub.taken), [at for at, _, who in hub.tries if "alice" in who[0]],
        strict=True)]  # fmt: skip
    (warned_at, warning), (failed_at, failure) = told
    assert b"Action: delayed" in warning
    assert b"Will-Retry-Until" in warning
    assert 4 * HOUR <= warned_at - accepted < 5 * HOUR
    assert b"Action: failed" in failure
    assert b"Status: 4.4.7" in failure
    assert timedelta(0) <= failed_at - accepted - 5 * DAY < MINUTE
    assert b"come back" in failure


def test_who_waits_in_memory_is_told_in_time_however_busy_the_others_are() -> None:
    slow, busy = Upstream(smarthost("slow", limits=limits(rate=0.1))), Upstream(smarthost("busy"))
    retry = steady(warn=5 * MINUTE)
    first = route(slow.target, name="slow", to=["slow.example"], retry=retry)
    world = World([slow, busy], [first, route(busy.target)])

    async def scenario(world: World) -> None:
        for number in range(3):
            await world.send(world.mail(f"s{number}", to=["bob@slow.example"]))
        for _ in range(36):
            world.deliverer.wake()
            await asyncio.sleep(10)

    world.run(scenario)
    assert [each["id"] for each in world.told("sender_warned")] == ["s1", "s2"]


def test_a_server_that_is_not_there_is_left_alone_and_the_others_go_on() -> None:
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
        obstacle = world.deliverer.obstacle((await world.delivery("a9.0")).next_hop)
        assert obstacle is not None
        assert obstacle.what == "dead.example:587"
        dead.say = Answer()
        await asyncio.sleep(300)
        assert len(dead.taken) == 50

    world.run(scenario)
    assert world.told("next_hop_rests")[0]["reason"] == "connection refused"


def test_a_server_that_takes_no_connection_at_all_is_left_alone() -> None:
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


def test_a_message_that_is_answered_421_again_and_again_keeps_no_other_waiting() -> None:
    cut_off = Answer((Reply(421, "closing"),), "content")
    world, hub = one_hub(lambda lease, _: cut_off if lease.message.id == "m1" else Answer())

    async def scenario(world: World) -> None:
        await world.send(world.mail("m1", sender=""))
        await asyncio.sleep(DAY.total_seconds())
        await world.send(world.mail("m2"))
        await asyncio.sleep(1)

    world.run(scenario)
    assert hub.taken == [("m2", "bob@example.net")]


def test_an_address_that_swallows_everything_is_left_alone_at_once() -> None:
    """Half a minute is lost on it by one message, not by three."""
    silence = TimedOut("no answer in time").at("connect")
    hole = Answer((NO_CONNECTION,), "connect", is_remote=False, seconds=30, error=silence)
    hub = Upstream(mx(), lambda _, place: hole if ":" in place.address else Answer())
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


def test_after_a_rest_one_try_comes_first() -> None:
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


def test_the_next_target_of_a_chain_takes_over_and_gives_back() -> None:
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


@pytest.mark.parametrize(("said", "takers"), [(GREYLISTED, 1), (UNKNOWN, 0)])
def test_the_next_target_has_what_one_refuses_for_now(said: Reply, takers: int) -> None:
    first, second = Upstream(smarthost("first"), Answer((said,), "rcpt")), Upstream(mx("second"))
    world = World([first, second], [route(first.target, second.target)], dns=A_RECORD)

    async def scenario(world: World) -> None:
        await world.send(world.mail(sender=""))
        await asyncio.sleep(1)
        assert len(second.taken) == takers
        assert (await world.delivery("m1.0")).state == "settled"

    world.run(scenario)


@pytest.mark.parametrize("credential", ["", "acs"])
def test_the_next_server_of_a_target_takes_over(credential: str) -> None:
    """At once, also where nobody knows yet whether the credential is any good."""
    hub = Upstream(
        smarthost(hosts=["one.example", "two.example"], credential=credential),
        lambda _, place: unreachable() if place.host == "one.example" else Answer(),
    )
    world = World([hub], [route(hub.target)])

    async def scenario(world: World) -> None:
        for number in range(10):
            await world.send(world.mail(f"m{number}"))
            await asyncio.sleep(0.1)

    world.run(scenario)
    assert len(hub.taken) == 10
    assert not world.told("message_deferred")
    assert sum(place == "one.example:587" for _, place, _ in hub.tries) == 3


def test_a_refused_sign_in_stops_the_identity_and_is_told_once() -> None:
    refusal = refused_before_mail(REFUSED)
    world, hub = one_hub(refusal, credential="acs")

    async def scenario(world: World) -> None:
        for number in range(20):
            await world.send(world.mail(f"m{number}"))
            await asyncio.sleep(1)
        assert len(hub.tries) == 1
        delivery = await world.delivery("m0.0")
        assert delivery.history[0].finding or delivery.history[0].advice
        obstacle = world.deliverer.obstacle(delivery.next_hop)
        assert obstacle is not None
        assert obstacle.is_stop
        assert obstacle.what == "credential acs at hub"
        await asyncio.sleep(2 * 3600)
        assert 2 <= len(hub.tries) <= 8
        assert len(world.told("sign_in_stopped")) == 1
        hub.say = Answer()
        world.deliverer.forgive([delivery.next_hop])
        await asyncio.sleep(5)
        assert len(hub.taken) == 20

    world.run(scenario)
    [told] = world.told("sign_in_stopped")
    assert told["credential"] == "acs"
    assert told["reply"] == str(REFUSED)
    assert len(world.told("sign_in_works")) == 1


def test_a_refused_secret_is_shown_to_another_provider_and_never_again_to_the_same() -> None:
    refusal = refused_before_mail(REFUSED)
    first = Upstream(smarthost("first", ["One.example"], credential="acs"), refusal)
    port = Upstream(smarthost("port", ["one.example", "three.example"], credential="acs"), refusal)
    other = Upstream(smarthost("other", ["two.example"], credential="acs"))
    chain = route(first.target, port.target, other.target, retry=steady())
    world = World([first, port, other], [chain])

    async def scenario(world: World) -> None:
        for number in range(20):
            await world.send(world.mail(f"m{number}"))
            await asyncio.sleep(1)

    world.run(scenario)
    assert len(first.tries) == 1
    assert not port.tries
    assert len(other.taken) == 20
    assert [each["target"] for each in world.told("sign_in_stopped")] == ["first"]
    assert not world.told("sign_in_works")


def test_a_secret_that_never_worked_is_shown_once_however_much_mail_waits() -> None:
    refused = Answer((REFUSED,), "auth", seconds=0.5)
    world, hub = one_hub(refused, credential="acs")

    async def scenario(world: World) -> None:
        for number in range(20):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(60)
        assert (len(hub.tries), hub.most_open) == (1, 1)
        hub.say = Answer(seconds=0.5)
        world.deliverer.forgive([(await world.delivery("m0.0")).next_hop])
        await asyncio.sleep(10)
        assert len(hub.taken) == 20
        assert hub.most_open > 1

    world.run(scenario)


def no_fit() -> Answer:
    error = NoSharedMechanism(("XOAUTH2",), ("LOGIN", "PLAIN"), Plan(()))
    reply = Reply(504, "None of the sign-ins offered can be used", Esc(5, 7, 4))
    return Answer((reply.because(str(error)),), "auth", is_remote=False, error=error)


def liar() -> Answer:
    """A server that lets us in without the proof of SCRAM that it knows the password, too."""
    error = RemoteProtocolError("the server reports success without its proof", "235 ok")
    error.slug = "server_auth_backend_bug"
    reply = Reply(451, "The server broke the protocol", Esc(4, 5, 0)).because(str(error))
    return Answer((reply,), "auth", is_remote=False, error=error)


def no_token(*, is_transient: bool) -> Answer:
    error = TokenError("AADSTS7000222: the secret is expired", is_transient=is_transient)
    error.slug = "expired_secret"
    reply = Reply(535, "no token", Esc(5, 7, 8)).because(str(error))
    return Answer((reply,), "auth", is_remote=False, error=error)


def no_secret() -> Answer:
    error = unreadable("no password: the file acs-secret cannot be read: No such file")
    return Answer((reply_of(error),), "auth", is_remote=False, error=error)


@pytest.mark.parametrize(
    ("answer", "finding"),
    [
        (no_fit(), "mechanism_not_offered"),
        (no_token(is_transient=False), "expired_secret"),
        (no_secret(), "credentials_missing"),
        (liar(), "server_auth_backend_bug"),
    ],
)
def test_what_keeps_us_from_signing_in_is_diagnosed_once(answer: Answer, finding: str) -> None:
    world, hub = one_hub(answer, credential="acs")

    async def scenario(world: World) -> None:
        for number in range(20):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(600)
        states = await world.states()
        assert set(states.values()) == {"waiting"}
        assert len(states) == 20
        tried = [each for each in [await world.delivery(id_) for id_ in states] if each.history]
        assert {each.history[0].finding for each in tried} == {finding}

    world.run(scenario)
    assert len(hub.tries) <= 10
    assert [each["finding"] for each in world.told("sign_in_stopped")] == [finding]


def test_a_server_that_hangs_up_at_auth_sees_the_secret_once_before_it_rests() -> None:
    error = Disconnected("the server cut the connection")
    answer = Answer((reply_of(error),), "auth", is_remote=False, error=error)
    world, hub = one_hub(answer, credential="acs")

    async def scenario(world: World) -> None:
        for number in range(20):
            await world.send(world.mail(f"m{number}"))
            await asyncio.sleep(1)
        assert len(hub.tries) == 1
        await asyncio.sleep(600)
        assert 2 <= len(hub.tries) <= 6

    world.run(scenario)


def test_another_cause_is_told_also_where_the_doctor_knows_neither() -> None:
    """An API's: 403, later 404, since somebody mended the wrong thing."""
    causes = [Reply(535, "HTTP 403", Esc(5, 7, 8)), Reply(554, "HTTP 404", Esc(5, 3, 5))]
    world, hub = one_hub(refused_before_mail(causes[0]), credential="acs")

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(2 * 3600)
        hub.say = refused_before_mail(causes[1])
        await asyncio.sleep(DAY.total_seconds())

    world.run(scenario)
    assert [each["reply"] for each in world.told("sign_in_stopped")] == list(map(str, causes))


@pytest.mark.parametrize("answer", [no_fit(), refused_before_mail(REFUSED)])
def test_what_was_told_is_not_told_again_by_the_next_relay(answer: Answer) -> None:
    world, hub = one_hub(answer, credential="acs")

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(5)
        await world.kill()
        await world.start()
        await asyncio.sleep(DAY.total_seconds())
        assert len(world.told("sign_in_stopped")) == 1
        hub.say = Answer()
        await asyncio.sleep(DAY.total_seconds())
        assert world.alarms == {}

    world.run(scenario)
    assert len(world.told("sign_in_works")) == 1


def test_a_token_endpoint_that_is_away_is_waited_for_quietly() -> None:
    world, hub = one_hub(no_token(is_transient=True), credential="acs")

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(5)
        hub.say = Answer()
        await asyncio.sleep(300)

    world.run(scenario)
    assert len(hub.taken) == 1
    assert not world.told("sign_in_stopped")


def test_the_whole_identity_rests_after_450_4_5_127() -> None:
    rate = Reply(450, "Excessive message rate from sender", Esc(4, 5, 127))
    world, hub = one_hub(Answer((rate,), "mail"), credential="acs")

    async def scenario(world: World) -> None:
        for number in range(30):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(40)
        assert len(hub.tries) <= 10
        hub.say = Answer()
        await asyncio.sleep(4000)
        assert len(hub.taken) == 30

    world.run(scenario)


def test_retry_after_is_kept() -> None:
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


def test_what_one_target_asks_to_wait_does_not_keep_mail_from_another() -> None:
    busy = Answer((Reply(451, "busy", Esc(4, 3, 2)),), "content", retry_after=7200.0)
    first = Upstream(smarthost("first", ["first.example"], credential="acs"), busy)
    second = Upstream(smarthost("second", ["second.example"]), unreachable())
    both = route(first.target, second.target, name="both", to=["a.example"], retry=steady())
    world = World([first, second], [both, route(second.target, retry=steady())])

    async def scenario(world: World) -> None:
        for number in range(3):  # the second one rests
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(1)
        await world.send(world.mail("late", to=["bob@a.example"]))
        await asyncio.sleep(1)
        second.say = Answer()
        await asyncio.sleep(300)

    world.run(scenario)
    assert ("late", "bob@a.example") in second.taken
    assert len(first.tries) == 1


def test_one_message_is_one_complaint_however_many_recipients_it_has() -> None:
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


def test_a_rate_spaces_messages_and_connections_are_bounded() -> None:
    world, hub = one_hub(Answer(seconds=3), limits=limits(connections=2, rate=60.0))

    async def scenario(world: World) -> None:
        for number in range(30):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(1)
        await asyncio.sleep(120)

    world.run(scenario)
    assert len(hub.taken) == 30
    assert hub.most_open == 2
    times = [at for at, *_ in hub.tries]
    assert times[-1] - times[0] >= timedelta(seconds=40)  # two at once, three seconds each


def test_what_has_no_room_in_memory_is_delivered_from_the_store() -> None:
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


def test_what_is_being_accepted_during_a_reload_goes_out_at_once() -> None:
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
        store.follow(world.routes, world.deliverer)
        synced.set()
        await accepted
        await asyncio.sleep(0.1)

    world.run(scenario)
    assert hub.taken == [("m1", "bob@example.net")]


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


def test_a_fault_of_a_transport_defers_with_the_reason() -> None:
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
def test_a_fault_of_the_queue_s_own_ends_nothing_and_is_told(asked: str) -> None:
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


def test_a_fault_in_choosing_a_target_costs_its_line_one_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, hub = one_hub()
    choose, faults = Courier.choose, [ZeroDivisionError()]

    def choose_badly(self: Courier, *arguments: Any) -> Any:
        if faults:
            raise faults.pop()
        return choose(self, *arguments)

    monkeypatch.setattr(Courier, "choose", choose_badly)

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(LOOK + 1)

    world.run(scenario)
    assert hub.taken == [("m1", "bob@example.net")]
    [told] = world.told("internal_error")
    assert told["next_hop"] == "out"


def test_a_notification_that_nobody_takes_is_told_to_the_operator() -> None:
    """As with a provider that takes no mail from the null sender."""
    world, hub = one_hub(Answer((UNKNOWN,), "rcpt"))

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(1)
        assert [each["rcpt_to"] for each in world.told("message_failed")] == [
            ["bob@example.net"], ["alice@example.org"],
        ]  # fmt: skip

    world.run(scenario)
    assert hub.taken == []
    [told] = world.told("notification_lost")
    assert told == {"id": "n1", "mail_from": "alice@example.org", "reason": str(UNKNOWN)}


def test_two_targets_on_one_server_rest_each_for_itself() -> None:
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


@pytest.mark.parametrize("principal", ["", f"resource.{GUID}.{GUID}"])
def test_what_waits_for_a_lost_route_is_routed_anew(principal: str) -> None:
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


def test_recipients_of_a_lost_route_part() -> None:
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


def test_recipients_part_when_their_route_begins_to_go_by_domain() -> None:
    own = Upstream(mx("own"))
    world = World([own], [route(own.target, name="out")], dns=A_RECORD)

    async def scenario(world: World) -> None:
        put_by(world, NextHop("out"), "x@example.net", "y@elsewhere.example")
        await asyncio.sleep(1)
        assert (await world.delivery("m1.0")).next_hop == NextHop("out", "example.net")
        assert (await world.delivery("m1.1")).next_hop == NextHop("out", "elsewhere.example")
        assert ("m1", "x@example.net") in own.taken

    world.run(scenario)


def test_dropped_while_it_was_on_its_way() -> None:
    world, hub = one_hub(Answer(seconds=10))

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(1)
        assert await world.deliveries.act("drop", ["m1"], world.clock.now()) == 1
        await asyncio.sleep(20)
        assert (await world.delivery("m1.0")).addressees[0].fate == "dropped"

    world.run(scenario)
    assert len(hub.taken) == 1
    assert len(world.told("lease_lost")) == 1


def test_what_was_not_tried_may_be_taken_over_without_a_word() -> None:
    world, _ = one_hub(Answer(seconds=5), limits=limits(connections=1))

    async def scenario(world: World) -> None:
        for each in ("m1", "m2"):
            await world.send(world.mail(each))
        await asyncio.sleep(1)
        await world.deliveries.take_over(world.clock.now())
        await world.deliverer.stop(20)

    world.run(scenario)
    assert [each["id"] for each in world.told("lease_lost")] == ["m1"], "which was on the wire"


def test_a_stop_finishes_what_is_on_the_wire_and_gives_back_the_rest() -> None:
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


def test_another_deliverer_goes_on_while_one_finishes() -> None:
    """As at a reload: what is on the wire keeps nothing else waiting, and comes once."""

    def say(lease: Lease, _: Place) -> Answer:
        return Answer(seconds=12 if lease.message.id == "slow" else 0.5)

    world, hub = one_hub(say, limits=limits(connections=2))

    async def scenario(world: World) -> None:
        for each in ("slow", *(f"m{number}" for number in range(6))):
            await world.send(world.mail(each))
        await asyncio.sleep(0.7)
        before = world.deliverer
        ending = await world.reload()
        assert hub.retired, "its connections at rest would count"
        await world.send(world.mail("new"))
        await asyncio.sleep(1)
        next_hop = (await world.delivery("slow.0")).next_hop
        assert world.deliverer.turn_of("slow.0", next_hop).place == "hub.example:587"
        assert world.deliverer.turn_of("slow.0", next_hop).seconds > 3
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


def test_a_target_that_a_reload_gives_another_server_does_not_wait_for_the_old_one() -> None:
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


def test_who_has_all_connections_at_a_reload_keeps_them() -> None:
    world, hub = one_hub(Answer(seconds=10), limits=limits(connections=1))

    async def scenario(world: World) -> None:
        await world.send(world.mail("m1"))
        await asyncio.sleep(1)
        ending = await world.reload()
        await world.send(world.mail("m2"))
        await asyncio.sleep(1)
        turn = world.deliverer.turn_of("m2.0", (await world.delivery("m2.0")).next_hop)
        assert turn.ahead == 0
        assert turn.crowd == "has its connections still in use by the configuration before"
        await ending
        await asyncio.sleep(0.1)
        assert hub.open == 1, "its turn comes when the other is done, not when somebody looks"
        await asyncio.sleep(10)

    world.run(scenario)
    assert [id_ for id_, _ in hub.taken] == ["m1", "m2"]
    assert hub.most_open == 1


def test_what_is_being_leased_at_a_reload_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_what_is_cut_at_a_reload_is_tried_again_at_once() -> None:
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


def test_a_stop_cuts_what_takes_too_long() -> None:
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


def test_a_stop_writes_down_what_was_sent_while_the_store_was_slow() -> None:
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


ZONE = """
    example.net MX 10 mx1.example.net
    example.net MX 20 mx2.example.net
    mx1.example.net A 192.0.2.1
    mx1.example.net AAAA 2001:db8::1
    mx2.example.net A 192.0.2.2
    null.example MX 0 .
    broken.example FAIL SERVFAIL
"""


def test_the_exchangers_of_a_domain_are_tried_in_their_order() -> None:
    direct = Upstream(
        mx(), lambda _, place: Answer() if place.host == "mx2.example.net" else unreachable()
    )
    world = World([direct], [route(direct.target)], dns=ZONE)

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(1)

    world.run(scenario)
    assert [place for _, place, _ in direct.tries] == [
        "mx1.example.net:25", "mx1.example.net:25", "mx2.example.net:25",
    ]  # fmt: skip
    assert direct.taken == [("m1", "bob@example.net")]


NOT_NOW = [
    # the best exchanger says              at      who is asked
    (GREYLISTED,                           "rcpt", ["mx1.example.net:25", "mx2.example.net:25"]),
    (Reply(451, "broken", Esc(4, 3, 0)),   "content", ["mx1.example.net:25", "mx2.example.net:25"]),
    (Reply(452, "no room"),                "rcpt", ["mx1.example.net:25", "mx2.example.net:25"]),
    (Reply(451, "too fast", Esc(4, 3, 0)), "mail", ["mx1.example.net:25"]),
    (UNKNOWN,                              "rcpt", ["mx1.example.net:25"]),
]  # fmt: skip


@pytest.mark.parametrize(("said", "phase", "asked"), NOT_NOW)
def test_another_exchanger_has_what_the_best_one_does_not_take_for_now(
    said: Reply, phase: Phase, asked: list[str]
) -> None:
    """RFC 5321 5.1: until one takes it. Not at another address of the same; not all of many."""
    direct = Upstream(mx(), Answer((said,), phase))
    third = "example.net MX 30 mx3.example.net\nmx3.example.net A 192.0.2.3\n"
    world = World([direct], [route(direct.target)], dns=ZONE + third)

    async def scenario(world: World) -> None:
        await world.send(world.mail(sender=""))
        await asyncio.sleep(1)

    world.run(scenario)
    assert [place for _, place, _ in direct.tries] == asked


def test_another_name_of_the_same_exchanger_is_no_other_one() -> None:
    direct = Upstream(mx(), Answer((GREYLISTED,), "rcpt"))
    zone = "\n".join(f"example.net MX {each}0 mx{each}\nmx{each} A 192.0.2.1" for each in (1, 2))
    world = World([direct], [route(direct.target)], dns=zone)

    async def scenario(world: World) -> None:
        await world.send(world.mail(sender=""))
        await asyncio.sleep(1)

    world.run(scenario)
    assert len(direct.tries) == 1


TOO_LARGE = Answer(
    (Reply(552, "larger than the server takes", Esc(5, 3, 4)),), "mail", is_remote=False
)
LESSER = [
    # the best one                        the other  what becomes of it
    (Answer((GREYLISTED,), "rcpt"),       TOO_LARGE, "message_deferred"),
    (unreachable(),                       TOO_LARGE, "message_deferred"),
    (TOO_LARGE,                           Answer(),  "message_delivered"),
    (TOO_LARGE,                           TOO_LARGE, "message_failed"),
]  # fmt: skip


@pytest.mark.parametrize(("best", "other", "event"), LESSER)
def test_what_one_exchanger_lacks_another_may_have(best: Answer, other: Answer, event: str) -> None:
    """RFC 6531 3.2: nothing is refused for what a lesser one cannot, while a better one may."""
    direct = Upstream(mx(), lambda _, place: other if "mx2" in place.host else best)
    world = World([direct], [route(direct.target)], dns=ZONE)

    async def scenario(world: World) -> None:
        await world.send(world.mail(sender=""))
        await asyncio.sleep(1)

    world.run(scenario)
    outcomes = ("message_delivered", "message_deferred", "message_failed")
    assert [each for each in outcomes if world.told(each)] == [event]


def test_what_a_lesser_exchanger_lacks_waits_for_the_better_one_that_rests() -> None:
    direct = Upstream(mx(), lambda _, place: TOO_LARGE if "mx2" in place.host else unreachable())
    world = World([direct], [route(direct.target, retry=steady())], dns=ZONE)

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(300)
        direct.say = lambda _, place: TOO_LARGE if "mx2" in place.host else Answer()
        await asyncio.sleep(3600)

    world.run(scenario)
    assert direct.taken == [("m1", "bob@example.net")]


@pytest.mark.parametrize("number", [2, 6])
def test_slow_next_hops_that_came_first_keep_no_other_waiting(number: int) -> None:
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


@pytest.mark.parametrize("domain", ["own.example", "[127.0.0.1]"])
def test_mail_is_not_sent_to_an_address_of_this_machine_where_we_listen_on_all(domain: str) -> None:
    direct = Upstream(mx())
    dns = "own.example. MX 1 other-name.example.\nother-name.example. A 127.0.0.1"
    world = World([direct], [route(direct.target)], dns=dns, own=Own(is_here=is_here))

    async def scenario(world: World) -> None:
        await world.send(world.mail(to=[f"bob@{domain}"]))
        await asyncio.sleep(0.1)
        [reply] = [each.reply for each in (await world.delivery("m1.0")).addressees]
        assert reply is not None
        assert str(reply).startswith("554 5.4.6 ")

    world.run(scenario)
    assert not direct.tries


def test_busy_exchangers_are_waited_for() -> None:
    direct, backup = (
        Upstream(mx(limits=limits(connections=1)), Answer(seconds=5)),
        Upstream(smarthost("backup")),
    )
    dns = "a.example. MX 1 mx.example.\nb.example. MX 1 mx.example.\nmx.example. A 192.0.2.1"
    world = World([direct, backup], [route(direct.target, backup.target)], dns=dns)

    async def scenario(world: World) -> None:
        await world.send(world.mail("m1", to=["bob@a.example"]))
        await asyncio.sleep(1)
        await world.send(world.mail("m2", to=["bob@b.example"]))
        await asyncio.sleep(60)

    world.run(scenario)
    assert [message for message, _ in direct.taken] == ["m1", "m2"]
    assert not backup.tries


@pytest.mark.parametrize(
    ("domain", "state", "words"),
    [
        ("null.example", "settled", "null MX"),
        ("nowhere.example", "settled", "no name"),
        ("broken.example", "waiting", "SERVFAIL"),
    ],
)
def test_a_domain_without_a_server(domain: str, state: str, words: str) -> None:
    direct = Upstream(mx())
    world = World([direct], [route(direct.target)], dns=ZONE)

    async def scenario(world: World) -> None:
        await world.send(world.mail(sender="", to=[f"bob@{domain}"]))
        await asyncio.sleep(1)
        delivery = await world.delivery("m1.0")
        assert delivery.state == state
        assert words in delivery.history[0].reply.reason

    world.run(scenario)
    assert not direct.tries


def test_domains_with_the_same_servers_share_their_connections() -> None:
    zone = "\n".join(f"d{number}.example MX 10 mx.example" for number in range(40))
    direct = Upstream(mx(limits=limits(connections=4)), Answer(seconds=1))
    world = World([direct], [route(direct.target)], dns=zone + "\nmx.example A 192.0.2.9")

    async def scenario(world: World) -> None:
        for number in range(40):
            await world.send(world.mail(f"m{number}", to=[f"bob@d{number}.example"]))
        await asyncio.sleep(30)

    world.run(scenario)
    assert len(direct.taken) == 40
    assert direct.most_open == 4


def test_what_stays_here_is_captured_at_once() -> None:
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


@pytest.mark.parametrize(("sender", "notifications"), [("alice@example.org", 1), ("", 0)])
def test_who_asks_is_told_that_mail_is_captured(sender: str, notifications: int) -> None:
    """RFC 3461 5.2.3: whoever offers DSN tells of a delivery, too."""
    hub, here = Upstream(smarthost()), Upstream(Capture("here"))
    table = [route(here.target, name="local", to=["here.example"]), route(hub.target)]
    world = World([hub, here], table)
    bob = Recipient(parse_address("bob@here.example"), frozenset({"SUCCESS"}))

    async def scenario(world: World) -> None:
        await world.send(world.mail(sender=sender, to=[bob]))
        await asyncio.sleep(1)
        assert await world.store.count() + len(here.taken) == 1

    world.run(scenario)
    assert len(hub.taken) == notifications


@pytest.mark.parametrize("hops", [1, 2, 30])
def test_what_waits_in_the_store_goes_out_without_a_pause(hops: int) -> None:
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
