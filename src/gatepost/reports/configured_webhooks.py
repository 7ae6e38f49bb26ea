"""Subscribes the endpoints that the configuration wants, once each of them agrees."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gatepost.errors import GatepostError
from gatepost.model.operator_event import ReportEvent
from gatepost.model.secret import Secret
from gatepost.net.listen import is_loopback
from gatepost.reports.report_service import ReportService
from gatepost.rest.events.subscription import EventSubscription, SubscriptionError, check_url

FIRST, LONGEST = 5.0, 600.0
"""Seconds until an endpoint that did not agree is asked again, and at most."""


@dataclass(frozen=True, slots=True)
class WantedWebhook:
    """A subscription without its URL, and where that is read. ``read_url`` raises ConfigError."""

    subscription: EventSubscription
    read_url: Callable[[], Secret]


class ConfiguredWebhooks:
    """Follows the wanted webhooks from ``start`` to ``stop``."""

    def __init__(
        self,
        service: ReportService,
        wanted: Sequence[WantedWebhook],
        label: str,
        report: ReportEvent,
    ) -> None:
        """``label`` is that of the subscriptions which come from here: others stay as they are."""
        self._service, self._wanted = service, wanted
        self._label, self._report = label, report
        self._tasks: list[asyncio.Task[None]] = []
        self._problems: dict[str, str] = {}

    async def start(self) -> None:
        """Delete what is not wanted any more, and begin to subscribe. Raises QueueError."""
        keys = {each.subscription.key for each in self._wanted}
        for each in self._service.all:
            if self._label in each.labels and each.key not in keys:
                await self._service.unsubscribe(each)
        self._tasks = [asyncio.create_task(self._run(each)) for each in self._wanted]

    async def stop(self) -> None:
        """Stop to subscribe."""
        for each in self._tasks:
            each.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, wanted: WantedWebhook) -> None:
        wait = FIRST
        while not await self.try_subscribe(wanted):
            await asyncio.sleep(wait)
            wait = min(LONGEST, 2 * wait)

    async def try_subscribe(self, wanted: WantedWebhook) -> bool:
        """Subscribe an endpoint, unless it is; tell whether it gets events now."""
        name, key = wanted.subscription.name, wanted.subscription.key
        try:
            url = check_url(wanted.read_url().reveal().strip(), is_loopback)
            target = replace(wanted.subscription, url=Secret(url))
            current = self._service.get(key)
            if current is not None and _is_like(current, target):
                state = current.state_at(self._service.now())
                if state != "Failed":
                    return state == "Succeeded"
            subscribed = await self._service.subscribe(target)
        except (SubscriptionError, GatepostError) as error:
            if self._problems.get(key) != str(error):
                self._problems[key] = str(error)
                self._report("webhook_not_subscribed", subscription=name, reason=str(error))
            return False
        if subscribed.state == "Succeeded":
            self._problems.pop(key, None)
            self._report("webhook_subscribed", subscription=name, endpoint=subscribed.endpoint)
        return subscribed.state == "Succeeded"


def _is_like(one: EventSubscription, other: EventSubscription) -> bool:
    """Tell whether two subscriptions want the same."""
    same = {"created_at": one.created_at, "state": one.state, "token": one.token}
    return one == replace(other, **same)  # type: ignore[arg-type]
