"""From accepted mail to reports and suppressed periods, on a simulated clock."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gatepost.directory.azure.entries import (
    SenderUsername,
    SuppressedAddress,
    SuppressionList,
)
from gatepost.directory.azure.resource_ids import child_path
from gatepost.directory.contract import Record
from gatepost.errors import QueueError
from gatepost.model.address import parse_address
from gatepost.model.report import SuppressedPeriod
from gatepost.testing.memory import MemoryStore
from tests.contract.messages import NOON, envelope, message
from tests.unit.directory.azure.world import DOMAIN, SERVICE, USERNAME
from tests.unit.reports.world import SENDER, URL, World, opened

HOUR = timedelta(hours=1)
ANN, BOB = "ann@example.net", "bob@example.net"
DEAD = "bounced@outcome.gatepost.test"


def in_a_world(steps: Callable[[World], Awaitable[None]]) -> Callable[[], None]:
    """Run an asynchronous test in a world of its own."""

    def test() -> None:
        async def run() -> None:
            async with opened() as world:
                await steps(world)

        asyncio.run(asyncio.wait_for(run(), 60))

    test.__name__, test.__doc__ = steps.__name__, steps.__doc__
    return test


@in_a_world
async def test_mail_is_delivered_and_nothing_is_written(world: World) -> None:
    await world.put("m1", ANN, BOB)
    assert await world.store.reports.list_reports() == []
    assert sorted(await world.statuses()) == [(ANN, "Delivered"), (BOB, "Delivered")]
    [event, _] = (await world.ask("events_list", message="last"))["events"]
    assert event["topic"] == SERVICE.lower()


@in_a_world
async def test_only_other_outcomes_than_delivered_are_stored_once(world: World) -> None:
    await world.put("m1", ANN, DEAD, ANN)
    assert [each.status for each in await world.store.reports.list_reports()] == ["Bounced"]
    assert sorted(await world.statuses()) == [(ANN, "Delivered"), (DEAD, "Bounced")]
    await world.store.delete(None)
    assert await world.statuses() == [(DEAD, "Bounced")]


@in_a_world
async def test_the_periods_of_an_address(world: World) -> None:
    """24 h after a bounce; each send within a period is dropped and prolongs it to two weeks."""
    await world.put("m0", DEAD)
    expected = ["Bounced"]
    for number, hours in enumerate((24, 48, 96, 168, 336, 336)):
        world.now += (hours - 1) * HOUR
        await world.put(f"m{number + 1}", DEAD)
        expected.append("Suppressed")
        period = (await world.ask("suppression_list"))["suppressed"][0]
        assert period["level"] == min(number + 1, 4)
    world.now += 336 * HOUR
    assert (await world.ask("suppression_list"))["suppressed"] == []
    await world.put("m9", DEAD)
    assert [status for _, status in await world.statuses()] == [*expected, "Bounced"]


@in_a_world
async def test_a_soft_bounce_suppresses_no_address(world: World) -> None:
    for name in ("m1", "m2"):
        await world.put(name, "smtp-552-5.2.2@outcome.gatepost.test")
    assert [status for _, status in await world.statuses()] == ["Failed", "Failed"]


@in_a_world
async def test_asking_for_suppressions_changes_nothing(world: World) -> None:
    await world.put("m1", DEAD)
    service = world.service.sources.service_of(await world.store.get("m1"))
    assert service is not None
    asked = [parse_address(DEAD.upper()), parse_address(ANN)]
    for _ in range(3):
        found = world.service.report_creator.suppressed(
            service, parse_address(SENDER), asked, world.now + HOUR
        )
        assert found == {asked[0]}
    assert (await world.ask("suppression_list"))["suppressed"][0]["level"] == 0
    later = world.now + 24 * HOUR
    assert not world.service.report_creator.suppressed(service, parse_address(SENDER), asked, later)


@in_a_world
async def test_mail_right_after_a_subscription_is_reported(world: World) -> None:
    """Also while the store is being asked only for what matters without a subscription."""
    read = world.store.reports.read_about

    async def slowly(*given: Any) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(world.store.reports, "read_about", read)
            await world.ask("webhook_create", url=URL)
        late = envelope(SENDER, ANN)
        await world.store.put(
            message("m2", envelope=late, principal=USERNAME, received_at=world.now)
        )
        return await read(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.store.reports, "read_about", slowly)
        await world.service.report_creator.catch_up()
    await world.settle()
    assert [each["data"]["recipient"] for each in world.endpoint.notified] == [ANN]


@in_a_world
async def test_asking_about_a_bouncing_address_waits_for_earlier_mail(
    world: World,
) -> None:
    """Contract 7.1: a send right after the bounce is within its period."""
    await world.put("m1", ANN)
    service = world.service.sources.service_of(await world.store.get("m1"))
    assert service is not None
    creator = world.service.report_creator
    asked = [parse_address(DEAD), parse_address(ANN)]
    bouncing = message(
        "m2", envelope=envelope(SENDER, ANN, DEAD), principal=USERNAME, received_at=world.now
    )
    await world.store.put(bouncing)
    assert creator.suppressed(service, parse_address(SENDER), asked, world.now) == set()
    await creator.catch_up_on(asked[1:])  # no mail can have listed it: nobody waits
    assert creator.suppressed(service, parse_address(SENDER), asked, world.now) == set()
    await creator.catch_up_on(asked)
    assert creator.suppressed(service, parse_address(SENDER), asked, world.now) == {asked[0]}


@in_a_world
async def test_closing_waits_for_what_is_being_consumed(world: World) -> None:
    """Also for the part that its own cancellation has left to end by itself."""
    order: list[str] = []

    async def consume() -> int:
        for _ in range(20):
            await asyncio.sleep(0)
        order.append("consumed")
        return 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.service.report_creator, "_consume", consume)
        asked = asyncio.ensure_future(world.service.report_creator.catch_up())
        await asyncio.sleep(0)
        asked.cancel()
        await world.service.close()
        order.append("closed")
    assert order == ["consumed", "closed"]


@in_a_world
async def test_asking_for_suppressions_ends_after_a_time_limit(world: World) -> None:
    creator, held = world.service.report_creator, asyncio.Event()
    asked = [parse_address(DEAD)]

    async def fail(*_: object) -> None:
        raise QueueError("no")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(creator, "_consume", fail)
        await creator.catch_up_on(asked)
        patch.setattr("gatepost.reports.report_creator.PATIENCE", 0.01)
        patch.setattr(creator, "_consume", held.wait)
        await creator.catch_up_on(asked)
    held.set()


@pytest.mark.parametrize(
    ("list_name", "sender", "suppressed"),
    [
        ("", SENDER, True),
        ("DONOTREPLY", SENDER, True),
        ("news", SENDER, False),
    ],
)
def test_a_customer_s_list(list_name: str, sender: str, suppressed: bool) -> None:
    list_ = SuppressionList(child_path(DOMAIN, "suppressionLists", "one"), list_name, NOON, NOON)
    entry = SuppressedAddress(
        child_path(list_.id, "suppressionListAddresses", "a"), "Ann@Example.net"
    )
    news = SenderUsername(child_path(DOMAIN, "senderUsernames", "news"), "news")

    async def run() -> None:
        async with opened(more=(list_, entry, news)) as world:
            await world.put("m1", ANN, BOB)
            told = "Suppressed" if suppressed else "Delivered"
            assert sorted(await world.statuses()) == [(ANN, told), (BOB, "Delivered")]
            assert (await world.ask("suppression_list"))["suppressed"] == []
            service = world.service.sources.service_of(await world.store.get("m1"))
            assert service is not None
            found = world.service.report_creator.suppressed(
                service, parse_address(sender), [parse_address(ANN)], NOON
            )
            assert bool(found) is suppressed

    asyncio.run(run())


@in_a_world
async def test_a_delay_shows_the_report_later_and_bounces_later(world: World) -> None:
    await world.ask("outcome_set", target=ANN, status="Bounced", delay=10)
    await world.put("m1", ANN)
    assert await world.statuses() == []
    world.now += timedelta(seconds=5)
    await world.put("m2", ANN)
    world.now += timedelta(seconds=5)
    assert await world.statuses() == [(ANN, "Bounced")]
    await world.put("m3", ANN)
    world.now += timedelta(seconds=5)
    assert sorted(status for _, status in await world.statuses()) == [
        "Bounced", "Bounced", "Suppressed",
    ]  # fmt: skip


@in_a_world
async def test_rules_are_for_mail_that_comes_after_them(world: World) -> None:
    await world.put("m1", ANN)
    world.now += HOUR
    await world.ask("outcome_set", target=ANN, code="550 5.1.1 User unknown")
    await world.put("m2", ANN)
    await world.ask("outcome_delete", name=ANN.upper())
    assert await world.ask("suppression_delete", everything=True) == {"deleted": 1}
    world.now += HOUR
    await world.put("m3", ANN)
    assert [status for _, status in await world.statuses()] == ["Delivered", "Bounced", "Delivered"]
    assert (await world.ask("outcome_list"))["outcomes"] == []
    with pytest.raises(KeyError):
        await world.ask("outcome_delete", name=ANN)


@in_a_world
async def test_a_failed_commit_repeats_nothing(world: World) -> None:
    """The managed list in memory and the outbox change only with the commit."""
    await world.ask("webhook_create", url=URL)
    record = world.store.reports.record

    async def fail(*_: object) -> None:
        raise QueueError("the disk is full")

    world.store.reports.record = fail  # type: ignore[method-assign, assignment]
    with pytest.raises(QueueError):
        await world.put("m1", DEAD)
    world.store.reports.record = record  # type: ignore[method-assign]
    await world.service.report_creator.catch_up()
    await world.service.report_creator.catch_up()
    await world.settle()
    assert [each["data"]["status"] for each in world.endpoint.notified] == ["Bounced"]
    assert (await world.ask("suppression_list"))["suppressed"][0]["level"] == 0


@in_a_world
async def test_mail_that_is_deleted_unread_is_reported(world: World) -> None:
    await world.ask("webhook_create", url=URL)
    put = world.service.report_creator.catch_up

    async def nothing() -> None:
        """The consumer is held up."""

    world.service.report_creator.catch_up = nothing  # type: ignore[method-assign]
    await world.put("m1", ANN)
    await world.store.delete(None)
    world.service.report_creator.catch_up = put  # type: ignore[method-assign]
    await put()
    await world.settle()
    assert [each["data"]["recipient"] for each in world.endpoint.notified] == [ANN]


def test_the_managed_list_and_the_rules_outlive_the_service() -> None:
    async def run() -> None:
        async with opened() as first:
            await first.put("m1", DEAD)
            await first.ask("outcome_set", target="@example.net", status="Quarantined")
        async with opened(store=first.store) as second:
            await second.put("m2", DEAD, ANN)
            found = await second.statuses(message="m2")
            assert sorted(found) == [(ANN, "Quarantined"), (DEAD, "Suppressed")]

    asyncio.run(run())


@in_a_world
async def test_without_authentication_the_sender_domain_gives_the_resource(world: World) -> None:
    await world.put("m1", ANN, principal="")
    message = await world.store.get("m1")
    assert world.service.sources.resource_of(message) == SERVICE
    await world.put("m2", ANN, principal=SERVICE)
    await world.put("m3", ANN, principal="acs-demo")
    for name in ("m2", "m3"):
        assert world.service.sources.resource_of(await world.store.get(name)) == SERVICE


@in_a_world
async def test_expired_periods_and_reports_are_deleted(world: World) -> None:
    await world.put("m1", DEAD)
    await world.service.report_creator.tidy()
    assert len(await world.store.reports.suppressed_periods()) == 1
    world.now += 24 * HOUR
    await world.service.report_creator.tidy()
    assert await world.store.reports.suppressed_periods() == []
    assert len(await world.store.reports.list_reports()) == 1
    world.now += 30 * 24 * HOUR
    await world.service.report_creator.tidy()
    assert await world.store.reports.list_reports() == []


@in_a_world
async def test_mail_of_no_interest_is_passed_over_and_reserved_recipients_are_not(
    world: World,
) -> None:
    await world.put("m1", ANN)
    await world.put("m2", ANN, DEAD.upper())
    cursor = await world.store.reports.cursor()
    assert cursor == 2
    assert sorted(await world.statuses(message="m2")) == [
        (DEAD.upper(), "Bounced"), (ANN, "Delivered"),
    ]  # fmt: skip


def test_damaged_subscriptions_and_rules_count_for_nothing_and_are_named() -> None:
    """A damaged entry of the managed list still suppresses mail."""
    store = MemoryStore()

    async def run() -> None:
        async with opened(store=store) as world:
            for name in ("one", "two"):
                await world.ask("webhook_create", name=name, url=URL)
            for target in ("a@x.example", "b@x.example"):
                await world.ask("outcome_set", target=target, status="Bounced")
            [one] = [each for each in await store.load_records() if each.id.endswith("/one")]
            broken = replace(one, fields={**one.fields, "url": "broken"})
            await store.save_records([broken, Record("outcome_rule", "a@x.example", {})])
            period = SuppressedPeriod("c@x.example", 0, NOON, NOON, is_damaged=True)
            await store.reports.record(None, [], [period])
        async with opened(store=store) as world:
            assert [each.name for each in world.service.all] == ["two"]
            assert list(world.service.rules.by_target) == ["b@x.example"]
            assert list(world.service.damaged) == [
                "outcome_rule a@x.example",
                f"event_subscription {one.id}",
                "suppression c@x.example",
            ]

    asyncio.run(run())
