"""The operator's operations on the queue, with a relay that delivers, and without one."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from gatepost.control import undoable_holds
from gatepost.control.queue_control import QueueControl
from gatepost.control.queue_operations import operate_queue
from gatepost.model import dns
from gatepost.model.address import parse_address
from gatepost.model.delivery import Lease, Planned
from gatepost.model.envelope import Recipient
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import NextHop, ServerAddress
from gatepost.testing.dns import ScriptedResolver
from tests.simulated_delivery import (
    A_RECORD,
    DAY,
    GREYLISTED,
    HOUR,
    MINUTE,
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
    unreachable,
)


async def ask(world: World, operation: str, *, running: bool = True, **fields: Any) -> Any:
    delivering = (lambda: world.deliverer) if running else None
    control = QueueControl(world.deliveries, world.clock.now, delivering, world.report)
    return await operate_queue(control, operation, fields)


async def sentence(world: World, id_: str = "m1", **asked: Any) -> str:
    [delivery] = (await ask(world, "why", id=id_, **asked))["deliveries"]
    return str(delivery["sentence"])


def test_list_has_all_fields_that_a_script_needs() -> None:
    world, _ = one_hub(Answer((GREYLISTED,), "rcpt"))

    async def scenario(world: World) -> None:
        await world.send(world.mail(subject="Hello", message_id="<1@example.org>"))
        await asyncio.sleep(1)
        document = await ask(world, "list")
        assert document["next_hops"] == [{"next_hop": "out", "waiting": 1, "leased": 0, "held": 0}]
        [told] = document["deliveries"]
        last = told.pop("last_attempt")
        assert told == {
            "id": "m1.0",
            "message": "m1",
            "state": "waiting",
            "node": None,
            "taken_over": None,
            "rerouted": None,
            "next_hop": "out",
            "target": "hub",
            "age": 1,
            "recipients": [
                {
                    "address": "bob@example.net",
                    "fate": "waiting",
                    "reply": {"code": 450, "status": "4.2.0", "text": "come back"},
                }
            ],
            "attempts": 1,
            "next_attempt": "2026-11-24T10:01:00Z",
            "expires_at": "2026-11-29T10:00:00Z",
            "received_at": "2026-11-24T10:00:00Z",
            "mail_from": "alice@example.org",
            "subject": "Hello",
            "message_id": "<1@example.org>",
            "size": 26,
            "principal": "",
        }
        assert (last["host"], last["phase"], last["remote"]) == ("hub.example", "rcpt", True)
        shown = await ask(world, "show", id="m1")
        assert shown["deliveries"][0]["history"] == [last]

    world.run(scenario)


def test_list_says_how_many_it_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    world, _ = one_hub(Answer((GREYLISTED,), "rcpt"))

    async def scenario(world: World) -> None:
        for number in range(5):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(1)
        await ask(world, "hold", ids=["m0"])

        async def listed(**fields: Any) -> tuple[int, int | None]:
            document = await ask(world, "list", **fields)
            return len(document["deliveries"]), document["more"]

        assert await listed() == (5, 0)
        assert await listed(limit=5) == (5, 0)
        assert await listed(limit=2) == (2, 3)
        assert await listed(limit=2, states=["waiting"]) == (2, 2)
        assert await listed(limit=2, next_hop="other") == (0, 0)
        assert await listed(limit=2, states=["waiting", "settled"]) == (2, None)
        monkeypatch.setattr("gatepost.control.queue_list.MOST", 3)
        assert await listed(limit=100) == (3, 2)

    world.run(scenario)


def test_why_is_one_sentence_with_reply_time_and_next_attempt() -> None:
    world, _ = one_hub(Answer((GREYLISTED,), "rcpt"))

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(1)
        said = (
            'hub.example answered "450 4.2.0 come back" to RCPT at 2026-11-24 10:00:00 UTC; '
            "tried again at 2026-11-24 10:01:00 UTC, in 59 seconds"
        )
        assert await sentence(world) == f"{said}."
        nobody = "; but no relay is running."
        assert await sentence(world, running=False) == f"{said}{nobody}"

    world.run(scenario)


AHEAD = "at 2026-11-24 10:00:00 UTC by a clock that was put back later"


def test_why_is_true_when_the_clock_was_put_back() -> None:
    """The relay notices it at the latest after half a minute; who asks need not wait for that."""
    world, hub = one_hub(Answer((GREYLISTED,), "rcpt"))

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(1)
        await world.deliveries.lease(world.clock.now(), 1)
        world.clock.set_time(world.clock.now() - 6 * HOUR)
        said = f'hub.example answered "450 4.2.0 come back" to RCPT {AHEAD}; it is next in line'
        assert await sentence(world, running=False) == f"{said}; but no relay is running."
        assert await sentence(world) == f"{said}."
        [listed] = (await ask(world, "list"))["deliveries"]
        assert (listed["next_attempt"], listed["age"]) == ("2026-11-24T04:00:01Z", 0)
        await asyncio.sleep(0.5)
        assert len(hub.tries) == 2, "the question woke it"
        assert await sentence(world) == (
            'hub.example answered "450 4.2.0 come back" to RCPT at 2026-11-24 04:00:01 UTC, '
            "2 times; tried again at 2026-11-24 04:02:01 UTC, in 2 minutes."
        )

    world.run(scenario)


def test_why_is_true_when_the_clock_was_put_forward() -> None:
    world, hub = one_hub(Answer((GREYLISTED,), "rcpt"))

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(1)
        world.clock.set_time(world.clock.now() + 6 * HOUR)
        said = 'hub.example answered "450 4.2.0 come back" to RCPT at 2026-11-24 10:00:00 UTC'
        assert await sentence(world) == f"{said}; it is next in line."
        await asyncio.sleep(30)
        assert [to for _, _, to in hub.tries[:2]] == [("bob@example.net",)] * 2

    world.run(scenario)


def test_why_names_a_paused_server() -> None:
    world, _ = one_hub(unreachable())

    async def scenario(world: World) -> None:
        for number in range(9):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(2)
        said = await sentence(world, "m8")
        assert said.startswith("hub.example:587 is paused: connection refused; ")

    world.run(scenario)


def test_why_names_a_refused_sign_in_and_retry_clears_it() -> None:
    world, upstream = one_hub(refused_before_mail(REFUSED), credential="acs")

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(1)
        await world.send(world.mail("m2"))
        await asyncio.sleep(1)
        for id_ in ("m1", "m2"):
            assert (await sentence(world, id_)).startswith(
                "credential acs at hub is refused: 535 5.7.3 Authentication unsuccessful; "
            )
        [first] = (await ask(world, "why", id="m1"))["deliveries"]
        assert first["advice"]
        upstream.say = Answer()
        assert await ask(world, "retry", all=True) == {"retried": 2, "under_way": 0}
        await asyncio.sleep(1)

    world.run(scenario)
    assert len(upstream.taken) == 2


def of_a_refused_sign_in(life: timedelta) -> tuple[World, Upstream]:
    hub = Upstream(smarthost(credential="acs"), refused_before_mail(REFUSED))
    return World([hub], [route(hub.target, retry=steady(expire=life))]), hub


def test_all_views_show_the_next_attempt_after_a_pause_longer_than_the_schedule() -> None:
    world, hub = of_a_refused_sign_in(5 * DAY)

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(1)
        [why] = (await ask(world, "why", id="m1"))["deliveries"]
        [listed] = (await ask(world, "list"))["deliveries"]
        await asyncio.sleep(3000)
        [event, *_] = world.told("message_deferred")
        [_, again, *_] = [f"{at:%Y-%m-%dT%H:%M}" for at, *_ in hub.tries]
        for told in (why["next_attempt"], listed["next_attempt"], event["next_at"]):
            assert told.startswith(again)

    world.run(scenario)


def test_all_views_show_an_expiry_before_the_end_of_a_pause() -> None:
    world, hub = of_a_refused_sign_in(5 * MINUTE)

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(1)
        [why] = (await ask(world, "why", id="m1"))["deliveries"]
        [listed] = (await ask(world, "list"))["deliveries"]
        [event] = world.told("message_deferred")
        for told in (why["next_attempt"], listed["next_attempt"], event["next_at"]):
            assert told is None
        assert (event["expires_at"], event["held"]) == ("2026-11-24T10:05:00Z", False)
        assert "it expires before that, at 2026-11-24 10:05:00 UTC" in why["sentence"]
        await asyncio.sleep(298)
        assert not world.told("message_failed")
        await asyncio.sleep(2)
        assert world.told("message_failed")

    world.run(scenario)
    assert len(hub.tries) == 1


def test_why_distinguishes_queued_and_running_attempts() -> None:
    world, _ = one_hub(Answer(seconds=100), limits=limits(connections=1))

    async def scenario(world: World) -> None:
        for number in range(3):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(1)
        assert await sentence(world, "m0") == "It is being delivered now, for the first time."
        assert "is next for out" in await sentence(world, "m1")
        assert "behind another one for out" in await sentence(world, "m2")

    world.run(scenario)


class SlowResolver(ScriptedResolver):
    async def mx(self, domain: str) -> dns.DnsAnswer[dns.MxRecord]:
        await asyncio.sleep(30)
        return await super().mx(domain)


def test_why_names_a_server_that_has_not_greeted() -> None:
    """Whether the message waits in memory or, later, in the store."""
    silent = Answer((GREYLISTED,), "greeting", seconds=300)
    world, _ = one_hub(silent)

    async def scenario(world: World) -> None:
        for id_ in ("m1", "m2"):
            await world.send(world.mail(id_))
        for seconds, begins in ((3, "It is next for out, which"), (17, "It waits for its turn:")):
            await asyncio.sleep(seconds)
            told = await sentence(world, "m2")
            assert told.startswith(begins)
            since = f"has not answered for {round(world.clock.monotonic() - begun)} seconds"
            assert f"{since} (waiting for its greeting), and has one connection until then" in told

    begun = world.clock.monotonic()
    world.run(scenario)


def test_why_names_a_running_dns_lookup() -> None:
    direct = Upstream(mx())
    world = World([direct], [route(direct.target)])
    world.resolver = SlowResolver(A_RECORD)

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(5)
        assert await sentence(world) == (
            "It is being delivered now, for the first time; the look-up of example.net in the DNS"
            " has no answer for 5 seconds."
        )

    world.run(scenario)


def test_hold_release_and_drop() -> None:
    world, upstream = one_hub(Answer((GREYLISTED,), "rcpt"))

    async def scenario(world: World) -> None:
        for number in range(3):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(1)
        assert await ask(world, "hold", ids=["m0", "m1.0"]) == {"held": 2}
        assert (await sentence(world, "m0")).startswith("It is held by an operator")
        upstream.say = Answer()
        await asyncio.sleep(3600)
        assert [id_ for id_, _ in upstream.taken] == ["m2"]
        assert await ask(world, "drop", ids=["m1"]) == {"dropped": 1}
        assert await ask(world, "release", all=True) == {"released": 1}
        await asyncio.sleep(1)
        assert [id_ for id_, _ in upstream.taken] == ["m2", "m0"]
        assert "1 dropped" in await sentence(world, "m1")
        assert await ask(world, "drop", ids=["m1"]) == {"dropped": 0}

    world.run(scenario)
    [told] = world.told("message_dropped")
    assert told["delivery"] == "m1.0"
    assert told["rcpt_to"] == ["bob@example.net"]


def test_pages_of_a_listing_follow_each_other_while_mail_is_settled() -> None:
    world, _ = one_hub(Answer((GREYLISTED,), "rcpt"))

    async def scenario(world: World) -> None:
        for number in range(7):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(1)

        async def page(after: str | None) -> tuple[list[str], str | None]:
            document = await ask(world, "list", limit=3, after=after)
            return [each["message"] for each in document["deliveries"]], document["cursor"]

        first, cursor = await page(None)
        assert first == ["m6", "m5", "m4"]
        await ask(world, "drop", ids=["m6"])
        second, further = await page(cursor)
        assert second == ["m3", "m2", "m1"]
        await ask(world, "drop", ids=["m1", "m2"])
        assert await page(further) == ([], None)  # by its place: what it names is gone
        assert await page(cursor) == (["m3", "m0"], None)
        for wrong in ("m3", "3", "/", "3//2", "3//x/m3.0", "3/7/2/m3.0", f"3/{9**99}.0/2/m3.0"):
            with pytest.raises(ValueError, match="cursor"):
                await page(wrong)

    world.run(scenario)


def test_actions_on_all_deliveries_of_a_next_hop_or_in_a_state() -> None:
    world, _ = one_hub(Answer((GREYLISTED,), "rcpt"))

    async def scenario(world: World) -> None:
        for number in range(4):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(1)
        await ask(world, "hold", ids=["m0"])

        async def done(action: str, **fields: Any) -> tuple[int, int]:
            document = await ask(world, action, **fields)
            return next(iter(document.values())), document["selected"]

        assert await done("hold", next_hop="elsewhere") == (0, 0)
        assert await done("release", state="held") == (1, 1)
        assert await done("hold", next_hop="out", state="waiting") == (4, 4)
        with pytest.raises(ValueError, match="no state"):
            await ask(world, "drop", state="lost")
        assert await done("drop", next_hop="out", state="held") == (4, 4)

    world.run(scenario)


def test_queued_leases_can_be_held_and_dropped() -> None:
    world, upstream = one_hub(Answer(seconds=100), limits=limits(connections=1))

    async def scenario(world: World) -> None:
        for number in range(5):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(1)
        assert await ask(world, "hold", ids=["m1", "m2.0"]) == {"held": 2}
        assert await ask(world, "drop", ids=["m3"]) == {"dropped": 1}
        await asyncio.sleep(0)
        assert (await sentence(world, "m1")).startswith("It is held by an operator")
        assert await ask(world, "release", ids=["m2"]) == {"released": 1}
        await asyncio.sleep(1000)
        states = await world.states()
        assert (states.pop("m1.0"), set(states.values())) == ("held", {"settled"})

    world.run(scenario)
    assert [id_ for id_, _ in upstream.taken] == ["m0", "m4", "m2"]


def test_why_says_that_what_is_being_tried_is_to_be_held() -> None:
    world, upstream = one_hub(Answer((GREYLISTED,), "rcpt", seconds=10))

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(1)
        assert await ask(world, "hold", ids=["m1"]) == {"held": 1}
        assert await sentence(world) == (
            "It is being delivered now, for the first time; if that fails, it will be held."
        )
        await asyncio.sleep(1000)
        assert (await world.delivery("m1.0")).state == "held"
        [event] = world.told("message_deferred")
        assert (event["next_at"], event["held"]) == (None, True)

    world.run(scenario)
    assert len(upstream.tries) == 1


def test_retry_counts_attempts_already_under_way() -> None:
    world, _ = one_hub(Answer(seconds=30), limits=limits(connections=1))

    async def scenario(world: World) -> None:
        for number in range(3):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(1)
        assert await ask(world, "retry", all=True) == {"retried": 0, "under_way": 3}

    world.run(scenario)


def test_why_says_what_keeps_a_line_waiting_and_retry_does_not_wait_for_what_was_learned() -> None:
    slower = Reply(451, "Server busy", Esc(4, 7, 500))
    world, upstream = one_hub(Answer((slower,), "mail"), limits=limits(connections=1))

    async def scenario(world: World) -> None:
        for number in range(9):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(1)
        assert await sentence(world, "m8") == (
            "It waits behind 5 others for out, which accepts 12 messages a minute since it answered"
            ' "451 4.7.500 Server busy".'
        )
        upstream.say = Answer()
        await ask(world, "retry", all=True)
        await asyncio.sleep(0.1)
        assert set((await world.states()).values()) == {"settled"}

    world.run(scenario)


@pytest.mark.parametrize("operation", ["show", "why", "retry", "hold", "release", "drop"])
def test_unknown_messages_are_key_errors(operation: str) -> None:
    world, _ = one_hub(Answer())

    async def scenario(world: World) -> None:
        with pytest.raises(KeyError, match="message nobody in the queue"):
            await ask(world, operation, id="nobody", ids=["nobody"])

    world.run(scenario)


def test_unknown_states_and_operations_are_value_errors() -> None:
    world, _ = one_hub(Answer())

    async def scenario(world: World) -> None:
        with pytest.raises(ValueError, match="asleep"):
            await ask(world, "list", states=["asleep"])
        with pytest.raises(ValueError, match="dance"):
            await ask(world, "dance")

    world.run(scenario)


@pytest.mark.parametrize(
    ("age", "to"), [(timedelta(seconds=5), "live"), (HOUR, "live"), (HOUR, "paused")]
)
def test_new_mail_is_accepted_while_the_whole_queue_is_retried(age: timedelta, to: str) -> None:
    """Each message costs a millisecond of the processor to accept, and another one to deliver."""
    live, paused, backlog = (Upstream(smarthost(name)) for name in ("live", "paused", "backlog"))
    paused.say = unreachable()
    matches = (
        route(each.target, to=(each.target.name,), name=each.target.name)
        for each in (live, paused, backlog)
    )
    world = World([live, paused, backlog], list(matches))

    def say(_lease: Lease, server: ServerAddress) -> Answer:
        world.clock.advance(0.001)
        return Answer()

    live.say = backlog.say = say

    async def scenario(world: World) -> None:
        now, accepted = world.clock.now(), 0
        hop, recipient = NextHop("backlog"), Recipient(parse_address("a@backlog"))
        for number in range(400):
            mail = world.mail(f"b{number}", received_at=now - age)
            planned = Planned(hop, (recipient,), now + HOUR, now + DAY, now + DAY)
            await world.deliveries.put(mail, [planned], leased=False)

        async def send() -> None:
            nonlocal accepted
            while True:
                await world.send(world.mail(f"m{accepted}", to=[f"b@{to}"]))
                accepted += 1
                world.clock.advance(0.001)
                await asyncio.sleep(0)

        sending = asyncio.create_task(send())
        await asyncio.sleep(0.3)
        alone = accepted
        await ask(world, "retry", all=True)
        await asyncio.sleep(0.3)
        sending.cancel()
        assert accepted - alone > alone / 2
        assert backlog.taken

    world.run(scenario)


def test_undoing_a_hold_releases_what_it_has_held_and_nothing_else() -> None:
    world, _ = one_hub(Answer((GREYLISTED,), "rcpt"))

    async def scenario(world: World) -> None:
        for number in range(4):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(1)
        control = QueueControl(world.deliveries, world.clock.now, lambda: world.deliverer)

        async def act(action: str, **fields: Any) -> Any:
            return await operate_queue(control, action, fields)

        async def held() -> list[str]:
            listed = (await act("list", states=["held"]))["deliveries"]
            return sorted([each["message"] for each in listed])

        assert await act("hold", ids=["m0"]) == {"held": 1}
        done = await act("hold", next_hop="out", undoable=True)
        assert done["held"] == 3
        assert await held() == ["m0", "m1", "m2", "m3"]
        await act("drop", ids=["m1"])
        assert await act("release", undo=done["undo"]) == {"released": 2}
        assert await held() == ["m0"]
        with pytest.raises(KeyError, match="hold"):
            await act("release", undo=done["undo"])
        again = await act("hold", all=True, undoable=True)
        assert again["held"] == 2
        assert await act("release", undo=again["undo"]) == {"released": 2}
        assert await held() == ["m0"]

    world.run(scenario)


def test_remembered_holds_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undoable_holds, "MOST_DELIVERIES", 5)
    world, _ = one_hub(Answer((GREYLISTED,), "rcpt"))

    async def scenario(world: World) -> None:
        for number in range(3):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(1)
        ids = [each.id for each in await world.deliveries.list()]
        holds = undoable_holds.UndoableHolds()
        first, second = holds.remember(ids), holds.remember(ids)
        assert len(holds.take(second)) == 3
        with pytest.raises(KeyError):
            holds.take(first)
        names = [holds.remember(()) for _ in range(undoable_holds.MOST + 1)]
        with pytest.raises(KeyError):
            holds.take(names[0])

    world.run(scenario)


@pytest.mark.parametrize("action", ["retry", "hold", "release", "drop"])
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"dry_run": True},
        {"next_hop": "", "states": []},
        {"all": True, "sender": "@example.org"},
        {"ids": ["m1"], "next_hop": "out"},
    ],
)
def test_nothing_is_done_unless_one_choice_is_made(action: str, fields: dict[str, Any]) -> None:
    world, _ = one_hub()

    async def scenario(world: World) -> None:
        with pytest.raises(ValueError, match="either ids, selectors or all"):
            await ask(world, action, **fields)

    world.run(scenario)


@pytest.mark.parametrize(
    "wrong",
    [
        {"sender": "alice"},
        {"recipient": "*" * 501},
        {"older_than": "soon"},
        {"newer_than": -1},
        {"older_than": 1e300},
        {"older_than": "nan"},
        {"state": "lost"},
    ],
)
def test_wrong_selectors_are_refused(wrong: dict[str, Any]) -> None:
    world, _ = one_hub()

    async def scenario(world: World) -> None:
        for operation in ("list", "hold"):
            with pytest.raises(ValueError, match=f"{next(iter(wrong))[:5]}"):
                await ask(world, operation, **wrong)

    world.run(scenario)


def test_actions_on_what_is_selected() -> None:
    world, _ = one_hub(Answer((GREYLISTED,), "rcpt"))

    async def scenario(world: World) -> None:
        for number in range(12):
            await world.send(world.mail(f"old{number}", to=["bob@old.example"]))
        await asyncio.sleep(1)
        world.clock.advance(30)
        await world.send(world.mail("new", to=["bob@new.example"]))
        await asyncio.sleep(1)
        old: dict[str, Any] = {"recipient": "@old.example", "older_than": 20, "target": "hub"}
        dry = await ask(world, "hold", **old, dry_run=True)
        assert (dry["held"], dry["selected"], dry["dry_run"]) == (0, 12, True)
        assert len(dry["sample"]) == 10
        assert {each["target"] for each in dry["sample"]} == {"hub"}
        assert (await ask(world, "list", states=["held"]))["deliveries"] == []
        held = await ask(world, "hold", **old)
        assert {**held, "held": 0, "dry_run": True, "sample": 0} == {**dry, "sample": 0}
        assert held["held"] == 12
        listed = await ask(world, "list", limit=5, states=["held"], **old)
        assert (len(listed["deliveries"]), listed["more"]) == (5, 7)
        assert await ask(world, "list", newer_than=20, cause="nothing") | {"next_hops": 0} == {
            "deliveries": [], "more": 0, "next_hops": 0, "cursor": None,
        }  # fmt: skip
        assert (await ask(world, "release", recipient="bob@new.example"))["released"] == 0
        assert (await ask(world, "drop", all=True))["dropped"] == 13
        assert len(world.told("message_dropped")) == 13

    world.run(scenario)


def test_what_is_in_flight_is_held_after_its_attempt() -> None:
    world, _ = one_hub(Answer((GREYLISTED,), "rcpt", seconds=10))

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(1)
        assert (await ask(world, "hold", sender="alice@*"))["held"] == 1
        assert (await ask(world, "hold", sender="alice@*"))["selected"] == 0
        await asyncio.sleep(20)
        [delivery] = await world.deliveries.list()
        assert delivery.state == "held"

    world.run(scenario)
