"""Endpoints that the configuration wants: each is subscribed once it agrees."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gatepost.errors import ConfigError
from gatepost.model.secret import Secret
from gatepost.reports.configured_webhooks import ConfiguredWebhooks, WantedWebhook
from gatepost.rest.events.subscription import EventFilter, EventSubscription, SubscriptionError

NOW = datetime(2026, 11, 1, tzinfo=UTC)
LABEL = "configuration"
HOOK = EventSubscription("hook", "", Secret(""), NOW, labels=(LABEL,))


class Service:
    """Keeps subscriptions; its endpoints agree unless told otherwise."""

    def __init__(self) -> None:
        self.by_key: dict[str, EventSubscription] = {}
        self.asked: list[str] = []
        self.refusal = ""
        self.is_manual = False

    @property
    def all(self) -> list[EventSubscription]:
        return list(self.by_key.values())

    def get(self, key: str) -> EventSubscription | None:
        return self.by_key.get(key)

    def now(self) -> datetime:
        return NOW

    async def subscribe(self, subscription: EventSubscription) -> EventSubscription:
        self.asked.append(subscription.url.reveal())
        if self.refusal:
            raise SubscriptionError(self.refusal)
        state: Any = "AwaitingManualAction" if self.is_manual else "Succeeded"
        made = replace(subscription, created_at=NOW, state=state)
        self.by_key[made.key] = made
        return made

    async def unsubscribe(self, subscription: EventSubscription) -> None:
        del self.by_key[subscription.key]


class World:
    def __init__(self) -> None:
        self.service, self.told = Service(), list[tuple[str, str]]()
        self.url = "https://app.example/hook?code=secret"

    def webhooks(self, *wanted: EventSubscription) -> ConfiguredWebhooks:
        def report(event: str, **facts: Any) -> None:
            assert "secret" not in str(facts)
            self.told.append((event, facts["subscription"]))

        some = [WantedWebhook(each, self.read) for each in wanted]
        service: Any = self.service
        return ConfiguredWebhooks(service, some, LABEL, report)

    def read(self) -> Secret:
        if not self.url:
            raise ConfigError("no file")
        return Secret(f"{self.url}\n")

    def subscribe(self, webhooks: ConfiguredWebhooks, wanted: EventSubscription) -> bool:
        return bool(run(webhooks.try_subscribe(WantedWebhook(wanted, self.read))))


def run(steps: Awaitable[Any]) -> Any:
    return asyncio.run(asyncio.wait_for(steps, 30))


@pytest.fixture
def world() -> World:
    return World()


def test_an_endpoint_is_asked_once(world: World) -> None:
    webhooks = world.webhooks(HOOK)
    assert world.subscribe(webhooks, HOOK)
    assert world.subscribe(world.webhooks(HOOK), HOOK), "after a restart"
    assert world.service.asked == [world.url]
    assert world.told == [("webhook_subscribed", "hook")]


def test_a_change_is_asked_for_again(world: World) -> None:
    webhooks = world.webhooks(HOOK)
    assert world.subscribe(webhooks, HOOK)
    world.url += "2"
    assert world.subscribe(webhooks, HOOK)
    assert world.subscribe(webhooks, replace(HOOK, filter=EventFilter(subject_begins="sender/a")))
    assert len(world.service.asked) == 3
    assert len(world.service.all) == 1


@pytest.mark.parametrize("url", ["", "ftp://app.example", "http://app.example/x"])
def test_a_problem_is_told_once(world: World, url: str) -> None:
    world.url = url
    webhooks = world.webhooks(HOOK)
    for _ in range(3):
        assert not world.subscribe(webhooks, HOOK)
    assert world.told == [("webhook_not_subscribed", "hook")]
    assert world.service.asked == []


def test_an_endpoint_that_refuses_is_asked_again(world: World) -> None:
    world.service.refusal = "it did not echo the code"
    webhooks = world.webhooks(HOOK)
    for _ in range(2):
        assert not world.subscribe(webhooks, HOOK)
    world.service.refusal = ""
    assert world.subscribe(webhooks, HOOK)
    assert [event for event, _ in world.told] == ["webhook_not_subscribed", "webhook_subscribed"]


def test_one_that_may_still_confirm_is_not_asked_again(world: World) -> None:
    world.service.is_manual = True
    webhooks = world.webhooks(HOOK)
    for _ in range(2):
        assert not world.subscribe(webhooks, HOOK)
    assert len(world.service.asked) == 1


def test_what_is_not_wanted_any_more_is_deleted(world: World) -> None:
    async def steps() -> None:
        for each in (HOOK, replace(HOOK, name="old"), replace(HOOK, name="by-hand", labels=())):
            await world.service.subscribe(each)
        webhooks = world.webhooks(HOOK)
        await webhooks.start()
        await webhooks.stop()

    run(steps())
    assert sorted(world.service.by_key) == sorted([HOOK.key, replace(HOOK, name="by-hand").key])
