"""Everything about events of one relay, wired together; also for a command without a relay."""

import asyncio
import secrets
import uuid
from collections.abc import Callable, Sequence
from dataclasses import InitVar, dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import quote, urlencode

from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.change_listeners import to_the_end
from gatepost.directory.contract import Records
from gatepost.model.operator_event import ReportEvent
from gatepost.model.profile import EventRules
from gatepost.model.rfc3339 import utc_text
from gatepost.model.secret import Secret
from gatepost.queue.reports_contract import ReportStore
from gatepost.queue.send_operations_contract import OperationStore
from gatepost.queue.store_contract import Store
from gatepost.reports.message_sources import Sources
from gatepost.reports.report_creator import ReportCreator
from gatepost.reports.scripted_outcomes import OutcomeRules
from gatepost.reports.subscriptions import Seal, Subscriptions
from gatepost.reports.webhook_http import Unreached, WebhookHttp, WebhookHttpClient
from gatepost.reports.webhooks import Webhooks
from gatepost.rest.events import VALIDATE
from gatepost.rest.events.subscription import EventSubscription, SubscriptionError
from gatepost.rest.events.webhook_retry import Backoff
from gatepost.rest.events.webhook_validation import (
    judge_preflight,
    judge_validation,
    preflight_headers,
    validation_event,
    validation_headers,
)


class ServiceStore(Store, Records, Protocol):
    """A store with what events need."""

    @property
    def reports(self) -> ReportStore:
        """The reports about its messages."""

    @property
    def operations(self) -> OperationStore:
        """Its send operations."""


@dataclass(eq=False)
class ReportService:
    """Implements ``rest.events.subscription.EventSubscriptions``. Call ``load`` once before use."""

    store: ServiceStore
    directory: AzureDirectory
    seal: Seal
    event_rules: EventRules
    report: ReportEvent
    now: Callable[[], datetime]
    origin: str | None = None
    """``https://HOST:PORT`` of the APIs, for validation URLs."""
    webhook_http: InitVar[WebhookHttp | None] = None

    def __post_init__(self, webhook_http: WebhookHttp | None) -> None:
        self.rules = OutcomeRules(self.store)
        self.subscriptions = Subscriptions(self.store, self.seal, self.now)
        self.sources = Sources(self.directory)
        self.http = webhook_http or WebhookHttpClient(self.event_rules.timeout)
        schedule = schedule_of(self.event_rules)
        self.webhooks = Webhooks(self.store.reports, self.http, schedule, self.report, self.now)
        self.report_creator = ReportCreator(
            self.store.reports, self.rules, self.subscriptions, self.sources, self.webhooks.wake
        )
        self._is_serving = False
        self._consuming: asyncio.Task[None] | None = None
        self._validating: dict[str, EventSubscription] = {}
        """Those whose endpoint is being validated; it may open the URL before it responds."""
        self._confirmed: set[str] = set()

    async def load(self) -> None:
        """Read rules, subscriptions and the managed list from the store."""
        await self.rules.load()
        await self.subscriptions.load()
        await self.report_creator.load()

    async def reload(self) -> None:
        """Read again what another node may have changed in the store."""
        await self.rules.load()
        await self.subscriptions.load()
        await self.report_creator.reload_periods()
        self._serve()

    @property
    def damaged(self) -> dict[str, str]:
        """See ``damaged_records``."""
        return {**self.rules.damaged, **self.subscriptions.damaged, **self.report_creator.damaged}

    async def serve(self) -> None:
        """Consume mail and send reports that are due from now on.

        Reports for subscriptions that no longer exist are deleted.
        """
        reports, keys = self.store.reports, {each.key for each in self.subscriptions.all}
        await reports.unsubscribe([each for each in await reports.subscribed() if each not in keys])
        self._is_serving = True
        self._serve()
        self._consuming = asyncio.create_task(self.report_creator.run(self.report))

    async def close(self) -> None:
        """Stop consuming and sending."""
        self._is_serving = False
        if self._consuming is not None:
            self._consuming.cancel()
            await asyncio.wait([self._consuming])
        await self.report_creator.finish()
        await self.webhooks.close()

    # Subscriptions.

    @property
    def all(self) -> Sequence[EventSubscription]:
        return self.subscriptions.all

    def get(self, key: str) -> EventSubscription | None:
        return self.subscriptions.get(key)

    async def subscribe(self, subscription: EventSubscription) -> EventSubscription:
        token = secrets.token_urlsafe(24)
        subscription = replace(subscription, created_at=self.now(), token=Secret(token))
        key = subscription.key
        self._validating[key] = subscription
        try:
            has_agreed = await self._try_handshake(subscription) or key in self._confirmed
        finally:
            self._validating.pop(key, None)
            self._confirmed.discard(key)
        if has_agreed:
            subscription = replace(subscription, state="Succeeded", token=Secret(""))
        else:
            subscription = replace(subscription, state="AwaitingManualAction")
        await self.change(subscription)
        return subscription

    async def change(self, subscription: EventSubscription) -> None:
        await to_the_end(self._change(subscription))

    async def _change(self, subscription: EventSubscription) -> None:
        await self.subscriptions.put(subscription)
        self._serve()

    async def unsubscribe(self, subscription: EventSubscription) -> None:
        await to_the_end(self._unsubscribe(subscription))

    async def _unsubscribe(self, subscription: EventSubscription) -> None:
        await self.subscriptions.delete(subscription)
        self._serve()
        await self.store.reports.unsubscribe([subscription.key])

    async def try_confirm(self, key: str, token: str) -> bool:
        key = key.lower()
        validating = self._validating.get(key)
        if validating is not None and validating.token == Secret(token):
            self._confirmed.add(key)
            return True
        subscription = self.get(key)
        if subscription is None or subscription.state_at(self.now()) != "AwaitingManualAction":
            return False
        if subscription.token != Secret(token):
            return False
        await self.change(replace(subscription, state="Succeeded", token=Secret("")))
        return True

    def _serve(self) -> None:
        if self._is_serving:
            self.webhooks.serve(self.subscriptions.active)

    async def _try_handshake(self, subscription: EventSubscription) -> bool:
        """Return whether the endpoint agrees at once in a handshake. Raises SubscriptionError."""
        url, code = self._validation_url(subscription), str(uuid.uuid4())
        request = self.http.request
        try:
            if subscription.schema == "cloudevents":
                response = await request(
                    "OPTIONS", subscription.url, preflight_headers(url),
                    ca_file=subscription.ca_file,
                )  # fmt: skip
                verdict = judge_preflight(response)
            else:
                event = validation_event(
                    subscription, id=str(uuid.uuid4()), code=code, url=url,
                    time=utc_text(self.now(), "microseconds"),
                )  # fmt: skip
                response = await request(
                    "POST", subscription.url, validation_headers(subscription), event,
                    ca_file=subscription.ca_file,
                )  # fmt: skip
                verdict = judge_validation(response, code)
        except Unreached as error:
            verdict = str(error)
        if verdict is False and not url:
            verdict = "it did not confirm, and there is no API here where it could do so later"
        if isinstance(verdict, str):
            raise SubscriptionError(
                f"The attempt to validate the endpoint {subscription.endpoint} failed: {verdict}."
            )
        return verdict

    def _validation_url(self, subscription: EventSubscription) -> str:
        if not self.origin:
            return ""
        query = {
            "id": subscription.key,
            "t": utc_text(subscription.created_at, "microseconds"),
            "apiVersion": "2022-06-15",
            "token": subscription.token.reveal(),
        }
        path = VALIDATE.format(name=quote(subscription.name))
        return f"{self.origin}{path}?{urlencode(query)}"


def schedule_of(rules: EventRules) -> Backoff:
    """Return the schedule that a profile describes."""
    return Backoff(
        rules.retry or Backoff().steps,
        rules.retry_jitter,
        rules.attempts,
        timedelta(seconds=rules.time_to_live),
    )
