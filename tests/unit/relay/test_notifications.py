"""Who is informed about a message: the sender by a notification, else the operator."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from gatepost.errors import GatepostError, Unreadable
from gatepost.model.address import parse_address
from gatepost.model.delivery import Lease
from gatepost.model.envelope import Recipient
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import Capture, ServerAddress
from gatepost.relay import leasing
from tests.simulated_delivery import (
    DAY,
    GREYLISTED,
    HOUR,
    MINUTE,
    UNKNOWN,
    Answer,
    Upstream,
    World,
    limits,
    one_hub,
    route,
    smarthost,
    steady,
)


def test_a_refusal_is_notified_to_the_sender() -> None:
    def say(lease: object, server: object) -> Answer:
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


def test_a_refusal_is_the_servers_although_it_then_disconnects() -> None:
    """RFC 3464 2.3.5, 2.3.6: who refused the recipient, and with what reply."""
    lost = Reply(451, "Connection lost", Esc(4, 4, 2), "the server closed the connection")

    def say(lease: Lease, server: ServerAddress) -> Answer:
        if lease.message.envelope.sender is None:
            return Answer()
        error = GatepostError("lost")
        return Answer((lost, UNKNOWN), is_remote=False, error=error, own=(UNKNOWN,))

    world, hub = one_hub(say)

    async def scenario(world: World) -> None:
        await world.send(world.mail(to=["later@example.net", "bad@example.net"]))
        await asyncio.sleep(1)

    world.run(scenario)
    assert b"Remote-MTA: dns; hub.example\r\n" in hub.contents["n1"]
    assert b"Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n" in hub.contents["n1"]


class Damaged:
    """A body that its store has taken, and cannot read any more."""

    size = 17
    is_taken = False

    def chunks(self) -> Iterator[bytes]:
        if self.is_taken:
            raise Unreadable("the body in segment 1 is damaged")
        self.is_taken = True
        yield b"Subject: hello\r\n\r"


def test_the_sender_of_a_damaged_message_is_notified() -> None:
    def say(lease: Lease, server: ServerAddress) -> Answer:
        return Answer() if lease.message.envelope.sender is None else Answer((UNKNOWN,), "rcpt")

    world, hub = one_hub(say)

    async def scenario(world: World) -> None:
        await world.send(world.mail(body=Damaged()))
        await asyncio.sleep(1)

    world.run(scenario)
    assert [to for _, to in hub.taken] == ["alice@example.org"]
    assert world.told("internal_error") == []


@pytest.mark.parametrize(
    ("sender", "notify"), [("", frozenset()), ("alice@example.org", frozenset({"NEVER"}))]
)
def test_senders_are_not_notified_against_their_request(
    sender: str, notify: frozenset[str]
) -> None:
    world, hub = one_hub(Answer((UNKNOWN,), "rcpt"))
    bob = Recipient(parse_address("bob@example.net"), notify)

    async def scenario(world: World) -> None:
        await world.send(world.mail(sender=sender, to=[bob]))
        await asyncio.sleep(DAY.total_seconds())
        assert await world.states() == {"m1.0": "settled"}

    world.run(scenario)
    assert len(hub.tries) == 1


def test_a_failed_notification_causes_no_notification() -> None:
    world, _hub = one_hub(Answer((UNKNOWN,), "rcpt"))

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(DAY.total_seconds())
        assert await world.states() == {"m1.0": "settled", "n1.0": "settled"}

    world.run(scenario)


@pytest.mark.parametrize(("passed_on", "notifications"), [(False, 1), (True, 0)])
def test_success_is_notified_unless_the_next_server_does_it(
    passed_on: bool, notifications: int
) -> None:
    world, hub = one_hub(Answer(passed_on=passed_on))
    bob = Recipient(parse_address("bob@example.net"), frozenset({"SUCCESS"}))

    async def scenario(world: World) -> None:
        await world.send(world.mail(to=[bob]))
        await asyncio.sleep(1)

    world.run(scenario)
    told = [content for id_, content in hub.contents.items() if id_ != "m1"]
    assert len(told) == notifications
    assert all(b"Action: relayed" in each for each in told)


def test_a_delay_is_notified_after_hours_and_failure_at_the_expiry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leasing, "LOOK", HOUR.total_seconds())  # six days of looks take long

    def say(lease: object, server: object) -> Answer:
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
    assert b"Status: 4.2.0" in warning
    assert b"Will-Retry-Until" in warning
    assert b"in the time that it had" not in warning
    assert 4 * HOUR <= warned_at - accepted < 5 * HOUR
    assert b"Action: failed" in failure
    assert b"Status: 4.4.7" in failure
    assert timedelta(0) <= failed_at - accepted - 5 * DAY < MINUTE
    assert b"come back" in failure


def test_a_delay_in_memory_is_notified_in_time() -> None:
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


def test_a_refused_notification_is_reported_to_the_operator() -> None:
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


def test_a_notification_without_a_route_is_reported_to_the_operator() -> None:
    hub = Upstream(smarthost(), Answer((UNKNOWN,), "rcpt"))
    world = World([hub], [route(hub.target, to=["example.net"], retry=steady())])

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(1)
        assert await world.states() == {"m1.0": "settled"}

    world.run(scenario)
    [told] = world.told("notification_lost")
    assert told == {"id": "m1", "mail_from": "alice@example.org", "reason": "no route is for it"}


@pytest.mark.parametrize(("sender", "notifications"), [("alice@example.org", 1), ("", 0)])
def test_capture_is_notified_if_success_was_requested(sender: str, notifications: int) -> None:
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
