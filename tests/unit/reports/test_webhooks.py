"""Sending on a simulated clock: the handshake, failures, stalls, and the last attempt."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gatepost.directory.azure.entries import Domain
from gatepost.keys.store_key import Key
from gatepost.model.profile import EventRules
from gatepost.queue.reports_contract import Due
from gatepost.reports.report_service import ReportService, schedule_of
from gatepost.reports.webhooks import DAMAGED, LOST
from gatepost.rest.events.subscription import SubscriptionError
from gatepost.rest.events.webhook_retry import Backoff
from gatepost.rest.events.webhook_validation import EndpointResponse
from tests.unit.directory.azure.world import DOMAIN, SERVICE
from tests.unit.reports.world import URL, Asked, Endpoint, World, agree, opened

ANN, BOB = "ann@example.net", "bob@example.net"
EXACT = EventRules(retry_jitter=0.0)


def in_a_world(
    steps: Callable[[World], Awaitable[None]], rules: EventRules = EXACT
) -> Callable[[], None]:
    """Run an asynchronous test in a world of its own."""

    def test() -> None:
        async def run() -> None:
            async with opened(rules=rules) as world:
                await steps(world)

        asyncio.run(asyncio.wait_for(run(), 60))

    test.__name__, test.__doc__ = steps.__name__, steps.__doc__
    return test


def answering(status: int) -> Callable[[Asked], EndpointResponse]:
    """Agree to the handshake, then answer with ``status``."""

    def answer(asked: Asked) -> EndpointResponse:
        is_report = asked.headers.get("aeg-event-type") == "Notification"
        return EndpointResponse(status, {}) if is_report else agree(asked)

    return answer


async def send(world: World, *names: str) -> None:
    for name in names:
        await world.put(name, ANN)
    await world.settle()


async def shown(world: World) -> tuple[int, int, str | None]:
    [found] = (await world.ask("webhook_list"))["webhooks"]
    return found["waiting"], found["dead"], found["last_failure"]


@in_a_world
async def test_every_recipient_is_reported(world: World) -> None:
    made = await world.ask("webhook_create", url=URL)
    assert (made["name"], made["state"]) == ("webhook", "Succeeded")
    await world.put("m1", ANN, BOB)
    await world.settle()
    assert {each["data"]["recipient"] for each in world.endpoint.notified} == {ANN, BOB}
    assert await shown(world) == (0, 0, None)


@in_a_world
async def test_a_node_sends_only_when_it_is_its_turn(world: World) -> None:
    asked = asyncio.Event()
    is_ours = False

    async def take_turn(key: str) -> bool:
        assert key
        asked.set()
        return is_ours

    world.service.webhooks.take_turn = take_turn
    await world.ask("webhook_create", url=URL)
    await world.put("m1", ANN)
    await world.service.report_creator.catch_up()
    asked.clear()
    world.service.webhooks.wake()
    await asked.wait()
    await asyncio.sleep(0)
    assert world.endpoint.notified == []
    is_ours = True
    world.service.webhooks.wake()
    await world.settle()
    assert len(world.endpoint.notified) == 1


@in_a_world
async def test_what_another_node_has_subscribed_is_read_again(world: World) -> None:
    await world.ask("webhook_create", url=URL)
    subscriptions = world.service.subscriptions
    subscriptions._take({})  # as it is at a node that knows of none
    await world.service.reload()
    assert [each.name for each in subscriptions.active] == ["webhook"]
    await send(world, "m1")
    assert len(world.endpoint.notified) == 1


@in_a_world
async def test_a_damaged_report_is_given_up_and_the_others_are_sent(world: World) -> None:
    await world.ask("webhook_create", url=URL)
    reports = world.store.reports
    read = reports.due

    async def due(subscription: str, now: datetime, limit: int) -> Sequence[Due]:
        found = await read(subscription, now, limit)
        return [replace(each, is_damaged=each.report.message == "m1") for each in found]

    reports.due = due  # type: ignore[method-assign]
    await send(world, "m1", "m2")
    assert len(world.endpoint.notified) == 1
    assert await shown(world) == (0, 1, DAMAGED)
    assert [facts["dead"] for event, facts in world.told if event == "webhook_given_up"] == [LOST]


@in_a_world
async def test_a_failure_is_tried_again_on_schedule(world: World) -> None:
    await world.ask("webhook_create", url=URL)
    world.endpoint.answer = answering(500)
    await send(world, "m1")
    for number, seconds in enumerate((10, 30, 60), 2):
        await world.advance(timedelta(seconds=seconds - 1))
        assert len(world.endpoint.notified) == number - 1
        await world.advance(timedelta(seconds=1))
        assert len(world.endpoint.notified) == number
    assert await shown(world) == (1, 0, "HTTP 500")
    sent = [each.headers["aeg-delivery-count"] for each in world.endpoint.asked[1:]]
    assert sent == ["0", "1", "2", "3"]
    world.endpoint.answer = agree
    await world.advance(timedelta(minutes=5))
    await world.advance(timedelta(days=1))
    assert len(world.endpoint.notified) == 5
    assert len({each["id"] for each in world.endpoint.notified}) == 1
    assert await shown(world) == (0, 0, None)


@in_a_world
async def test_a_settlement_during_a_query_does_not_repeat_the_event(world: World) -> None:
    """The store's answer may be older than the settlement."""
    await world.ask("webhook_create", url=URL)
    world.endpoint.stalled = asyncio.Event()
    await send(world, "m1")
    ask = world.store.reports.due

    async def slowly(*given: Any) -> Any:
        due = await ask(*given)
        stalled.set()
        await world.settle()
        return due

    stalled = world.endpoint.stalled
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.store.reports, "due", slowly)
        world.service.webhooks.wake()
        await world.settle()
    await world.settle()
    assert len(world.endpoint.notified) == 1
    await send(world, "m2")
    assert len(world.endpoint.notified) == 2


@in_a_world
async def test_a_fault_of_a_request_is_a_failure_like_another(world: World) -> None:
    """After any unexpected error, the event is sent again, and the operator gets a report."""

    def fail(asked: Asked) -> EndpointResponse:
        if asked.headers.get("aeg-event-type") == "Notification":
            raise ZeroDivisionError("s3cret")
        return agree(asked)

    await world.ask("webhook_create", url=URL)
    world.endpoint.answer = fail
    await send(world, "m1")
    [(event, facts)] = world.told
    assert (event, facts["attempts"]) == ("webhook_failed", 1)
    assert facts["reason"].startswith("ZeroDivisionError at ")
    assert "s3cret" not in str(facts)
    world.endpoint.answer = agree
    await world.advance(timedelta(seconds=10))
    assert len(world.endpoint.notified) == 2
    assert await shown(world) == (0, 0, None)


@pytest.mark.parametrize("method", ["settle", "due", "next_due"])
def test_a_fault_of_the_store_does_not_end_a_lane(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event that was sent and could not be recorded is sent again: at least once."""

    async def steps(world: World) -> None:
        await world.ask("webhook_create", url=URL)
        await world.settle()

        async def fail(*_: object) -> None:
            raise ZeroDivisionError("s3cret")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(world.store.reports, method, fail)
            await send(world, "m1")
        assert {event for event, _ in world.told} == {"reports_delayed"}
        assert "s3cret" not in str(world.told)
        await asyncio.sleep(0.05)
        await world.settle()
        assert len(world.endpoint.notified) == (2 if method == "settle" else 1)
        assert await shown(world) == (0, 0, None)

    monkeypatch.setattr("gatepost.reports.webhooks.PAUSE", 0.02)
    in_a_world(steps)()


@pytest.mark.parametrize(
    ("status", "reason"),
    [(400, "BadRequest"), (401, "Unauthorized"), (413, "PayloadTooLarge")],
)
def test_some_answers_give_it_up_at_once(status: int, reason: str) -> None:
    async def steps(world: World) -> None:
        await world.ask("webhook_create", url=URL)
        world.endpoint.answer = answering(status)
        await send(world, "m1")
        await world.advance(timedelta(days=1))
        assert len(world.endpoint.notified) == 1
        [dead] = (await world.ask("webhook_show", name="webhook"))["dead_letters"]
        assert (dead["reason"], dead["attempts"]) == (reason, 1)
        assert dead["last_outcome"] == f"HTTP {status}"
        assert dead["data"]["recipient"] == ANN
        [(event, facts)] = world.told
        assert event == "webhook_given_up"
        assert "s3cret" not in str(facts)

    in_a_world(steps)()


@in_a_world
async def test_after_a_day_it_is_given_up(world: World) -> None:
    await world.ask("webhook_create", url=URL)
    world.endpoint.reachable = False
    await send(world, "m1")
    for _ in range(40):
        await world.advance(timedelta(hours=1))
    [dead] = (await world.ask("webhook_show", name="webhook"))["dead_letters"]
    assert dead["reason"] in ("TimeToLiveExceeded", "MaxDeliveryAttemptsExceeded")
    assert dead["last_outcome"] == "ConnectionRefusedError"
    assert await shown(world) == (0, 1, "ConnectionRefusedError")


@in_a_world
async def test_a_slow_endpoint_holds_up_itself_alone(world: World) -> None:
    await world.ask("webhook_create", url=URL, name="slow")
    slow = world.endpoint
    slow.stalled = asyncio.Event()
    await send(world, *(f"m{number}" for number in range(20)))
    assert len(slow.notified) == 8, "so many requests are open at a time, and no more"
    await world.ask("webhook_create", url=URL, name="quick")
    before = len(slow.notified)
    await send(world, "m20")
    quick = [each for each in slow.asked if each.headers["aeg-subscription-name"] == "QUICK"]
    assert len(slow.notified) == before + 1
    assert len(quick) == 2
    slow.stalled.set()
    await world.settle()
    named = [each for each in slow.asked if each.headers["aeg-subscription-name"] == "SLOW"]
    assert len(named) == 1 + 21, "each once"


@in_a_world
async def test_batches(world: World) -> None:
    await world.ask("webhook_create", url=URL, max_batch=3)
    world.endpoint.answer = answering(503)
    await send(world, "m0")
    world.endpoint.answer = agree
    await world.put("m1", *(f"{number}@example.net" for number in range(7)))
    await world.settle()
    sizes = [len(each.events) for each in world.endpoint.asked[2:]]
    assert sizes == [3, 3, 1]
    assert len(world.endpoint.notified) == 8


@in_a_world
async def test_cloud_events(world: World) -> None:
    await world.ask("webhook_create", url=URL, schema="cloudevents")
    [preflight] = world.endpoint.asked
    assert preflight.method == "OPTIONS"
    assert preflight.headers["WebHook-Request-Origin"] == "eventgrid.azure.net"
    await send(world, "m1")
    [event] = world.endpoint.notified
    assert (event["specversion"], event["source"]) == ("1.0", SERVICE.lower())


@in_a_world
async def test_event_types_and_resources_are_chosen(world: World) -> None:
    engaged = "EmailEngagementTrackingReportReceived"
    await world.ask("webhook_create", url=URL, event_types=[engaged])
    await world.ask("webhook_create", url=URL, resource="acs-demo")
    with pytest.raises(ValueError, match="no Communication Services resource"):
        await world.ask("webhook_create", url=URL, resource="other")
    await send(world, "m1")
    told = [each.headers["aeg-subscription-name"] for each in world.endpoint.asked[2:]]
    assert told == ["WEBHOOK-2"]


@in_a_world
async def test_deleting_a_webhook_deletes_its_waiting_events(world: World) -> None:
    await world.ask("webhook_create", url=URL)
    world.endpoint.reachable = False
    await send(world, "m1")
    gone = (await world.ask("webhook_delete", name="WEBHOOK"))["deleted"]
    assert gone["waiting"] == 1
    world.endpoint.reachable = True
    await world.ask("webhook_create", url=URL)
    await world.advance(timedelta(days=1))
    assert world.endpoint.notified == []
    with pytest.raises(KeyError):
        await world.ask("webhook_show", name="other")


def test_unacknowledged_events_are_sent_after_a_restart() -> None:
    async def run() -> None:
        async with opened(rules=EXACT) as first:
            await first.ask("webhook_create", url=URL)
            first.endpoint.reachable = False
            await send(first, "m1", "m2")
        async with opened(rules=EXACT, store=first.store) as second:
            await second.settle()
            assert second.endpoint.notified == []
            await second.advance(timedelta(seconds=10))
            assert len(second.endpoint.notified) == 2

    asyncio.run(run())


REFUSALS = [
    # answer to the handshake                              said
    (EndpointResponse(500, {}), "HTTP 500"),
    (EndpointResponse(202, {}), "HTTP 202"),
    (EndpointResponse(200, {}, b'{"validationResponse": "x"}'), "validationCode"),
]


@pytest.mark.parametrize(("answer", "said"), REFUSALS)
def test_an_endpoint_that_refuses_is_not_told(answer: EndpointResponse, said: str) -> None:
    async def steps(world: World) -> None:
        world.endpoint.answer = lambda _: answer
        with pytest.raises(SubscriptionError, match=said) as caught:
            await world.ask("webhook_create", url=URL)
        assert "s3cret" not in str(caught.value)
        assert (await world.ask("webhook_list"))["webhooks"] == []
        assert "s3cret" not in str(await world.store.load_records())

    in_a_world(steps)()


def validation_url(asked: Asked) -> tuple[str, str]:
    """Return id and token of the URL that the endpoint got."""
    if asked.method == "OPTIONS":
        url = asked.headers["WebHook-Request-Callback"]
    else:
        url = json.loads(asked.body)[0]["data"]["validationUrl"]
    assert url.startswith("https://localhost:2443/eventsubscriptions/webhook/validate?")
    query = parse_qs(urlsplit(url).query)
    return query["id"][0], query["token"][0]


@pytest.mark.parametrize("schema", ["eventgrid", "cloudevents"])
def test_an_endpoint_may_agree_by_the_url(schema: str) -> None:
    async def steps(world: World) -> None:
        world.endpoint.answer = lambda _: EndpointResponse(200, {})
        made = await world.ask("webhook_create", url=URL, schema=schema)
        assert made["state"] == "AwaitingManualAction"
        await send(world, "m1")
        assert world.endpoint.notified == []
        key, token = validation_url(world.endpoint.asked[0])
        assert not await world.service.try_confirm(key, token[:-1])
        assert not await world.service.try_confirm(key + "x", token)
        assert await world.service.try_confirm(key, token)
        assert not await world.service.try_confirm(key, token)
        await send(world, "m2")
        assert len(world.endpoint.notified) == 1

    in_a_world(steps)()


@in_a_world
async def test_the_url_ends_after_ten_minutes(world: World) -> None:
    world.endpoint.answer = lambda _: EndpointResponse(200, {})
    await world.ask("webhook_create", url=URL)
    key, token = validation_url(world.endpoint.asked[0])
    world.now += timedelta(minutes=10)
    assert not await world.service.try_confirm(key, token)
    assert (await world.ask("webhook_list"))["webhooks"][0]["state"] == "Failed"


@in_a_world
async def test_an_endpoint_may_open_the_url_before_it_answers(world: World) -> None:
    opened_by_then: list[bool] = []

    class Eager(Endpoint):
        async def request(self, *given: object, **named: object) -> EndpointResponse:
            answer = await super().request(*given, **named)  # type: ignore[arg-type]
            opened_by_then.append(await world.service.try_confirm(*validation_url(self.asked[0])))
            return answer

    eager = Eager(answer=lambda _: EndpointResponse(200, {}))
    world.service.http = eager
    assert (await world.ask("webhook_create", url=URL))["state"] == "Succeeded"
    assert opened_by_then == [True]


def test_without_an_api_no_later_validation_is_possible() -> None:
    async def run() -> None:
        async with opened() as world:
            service = world.service
            alone = ReportService(
                service.store, service.directory, Key(bytes(32)), EXACT, service.report,
                service.now, webhook_http=Endpoint(answer=lambda _: EndpointResponse(200, {})),
            )  # fmt: skip
            await world.ask("webhook_create", url=URL)
            with pytest.raises(SubscriptionError, match="no API here"):
                await alone.subscribe(world.service.all[0])

    asyncio.run(run())


@in_a_world
async def test_an_engagement_is_simulated_only_where_it_is_tracked(world: World) -> None:
    await world.ask("webhook_create", url=URL)
    await send(world, "m1")
    view = {"message": "last", "type": "view", "recipient": ANN.upper()}
    with pytest.raises(ValueError, match="tracking is off"):
        await world.ask("events_simulate", **view)
    domain = world.directory.get(Domain, DOMAIN)
    assert domain is not None
    await world.directory.save([replace(domain, engagement_tracking=True)])
    told = await world.ask("events_simulate", **view)
    assert (told["recipient"], told["status"]) == (ANN, "view")
    for wrong in (
        view | {"recipient": BOB},
        view | {"type": "click"},
        view | {"link": "https://x/"},
        view | {"type": "read"},
    ):
        with pytest.raises(ValueError, match=r"."):
            await world.ask("events_simulate", **wrong)
    with pytest.raises(KeyError):
        await world.ask("events_simulate", **(view | {"message": "m9"}))
    await world.settle()
    sent = world.endpoint.notified[-1]
    assert sent["eventType"].endswith("EmailEngagementTrackingReportReceived")
    assert sent["topic"] == SERVICE.lower()


def test_the_schedule_is_the_profile_s() -> None:
    assert schedule_of(EventRules()) == Backoff()
    rules = EventRules(retry=(1.0, 2.0), retry_jitter=0.0, attempts=3, time_to_live=60.0)
    assert schedule_of(rules) == Backoff((1.0, 2.0), 0.0, 3, timedelta(seconds=60))
    assert schedule_of(EventRules(retry=())).steps == Backoff().steps
