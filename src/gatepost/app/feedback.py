"""What comes back about relayed mail: bounces, and the listener for webhooks of providers."""

from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gatepost.app.relay_store import RelayStore
from gatepost.client.http_sign_in import HttpSignIn
from gatepost.client.provider_sign_in import AwsSignIn, BasicKeySignIn, KeySignIn
from gatepost.config.event_webhooks import LABEL
from gatepost.config.settings import Configuration, EventSettings, ProviderEventsSettings
from gatepost.feedback.bounces import Bounces
from gatepost.feedback.kept_bounces import KeptBounces
from gatepost.feedback.recorder import FeedbackRecorder
from gatepost.net.http_client import Http, HttpClient
from gatepost.net.listen import Listener, listen
from gatepost.policy.client_limits import LocalClientCounter
from gatepost.relay.shared_by_connections import Relay
from gatepost.reports.configured_webhooks import ConfiguredWebhooks, WantedWebhook
from gatepost.reports.relayed_outcomes import ProviderFeedback, RelayedOutcomes
from gatepost.reports.report_service import ReportService

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from gatepost.app.outbound import Outbound
    from gatepost.feedback.event_poller import EventPoller
    from gatepost.feedback.queue_reader import EventQueueReader
    from gatepost.feedback.webhook_endpoint import WebhookSource

PATIENCE: Final = 10.0
"""Seconds for Amazon to answer; SNS itself waits for 15."""


class ProviderWebhooks:
    """The listener of a configuration, on a socket that is opened before anything else."""

    def __init__(self, config: Configuration, stack: AsyncExitStack) -> None:
        """Listen until ``stack`` is closed, if the configuration has an address. Raises PortBusy
        and NetworkError."""
        self.listener: Listener | None = None
        self._events, self._ca_file = config.events, config.ca_file
        if config.events is not None and config.events.address is not None:
            self.listener = listen(*config.events.address)
            stack.callback(self.listener.close)

    @property
    def url(self) -> str | None:
        """Where webhooks come in; None: nowhere."""
        if self.listener is None or self._events is None:
            return None
        scheme = "https" if self._events.certificate else "http"
        return f"{scheme}://{self.listener.host_port}/events/"

    async def serve(
        self,
        relay: Relay,
        outbound: "Outbound | None",
        store: RelayStore,
        stack: AsyncExitStack,
    ) -> None:
        """Serve until ``stack`` is closed. Raises TlsError."""
        if self._events is None or not self._events.providers:
            return
        assert outbound is not None  # noqa: S101 - a file with [events] has routes
        assert outbound.outcomes is not None  # noqa: S101
        recorder = feedback_recorder(outbound, outbound.outcomes, store, relay)
        http = HttpClient(ca_file=self._ca_file or None, timeout=PATIENCE)
        stack.push_async_callback(http.close)
        _keep_early(self._events, recorder, store, stack)
        for poller in _pollers(self._events, http, recorder, store):
            poller.start()
            stack.push_async_callback(poller.stop)
        for reader in _queue_readers(self._events, http, recorder, store):
            reader.start()
            stack.push_async_callback(reader.stop)
        if self.listener is not None:
            from gatepost.web.server import WebLimits, WebServer  # noqa: PLC0415 - HTTP is large

            server = WebServer(
                self.listener, _webhook_application(self._events, http, recorder, store, relay),
                _files(self._events), WebLimits(), relay.report, relay.descriptors,
            )  # fmt: skip
            stack.push_async_callback(server.stop)
            await server.wait_started()


def _webhook_application(
    events: EventSettings, http: Http, recorder: FeedbackRecorder, store: RelayStore, relay: Relay
) -> "Starlette":
    """Return what takes the webhooks of providers."""
    from gatepost.feedback.webhook_endpoint import (  # noqa: PLC0415 - as above
        WebhookEndpoint,
        webhook_application,
    )
    from gatepost.rest.request_bodies import Intake  # noqa: PLC0415

    sources = {each.name: _source(each, http) for each in events.providers if each.has_webhook}
    intake = Intake(relay.budget, relay.report)
    endpoint = WebhookEndpoint(sources, recorder, intake, relay.report, store.notes)
    clients = relay.clients
    return webhook_application(
        endpoint, relay.report, clients if isinstance(clients, LocalClientCounter) else None
    )


def _keep_early(
    events: EventSettings, recorder: FeedbackRecorder, store: RelayStore, stack: AsyncExitStack
) -> None:
    """Keep events that come before the mail that they are about is recorded, until ``stack`` is
    closed."""
    from gatepost.feedback.early_events import TURN, EarlyEvents  # noqa: PLC0415 - as above

    cluster, take_turn = store.cluster, None
    if cluster is not None:
        take_turn = partial(cluster.try_take_turn, seconds=TURN)
    early = {
        each.name: EarlyEvents(each.name, each.targets, recorder, store.notes, take_turn)
        for each in events.providers
    }
    recorder.keep_early = lambda source, some: early[source].keep(some)
    for each in early.values():
        each.start()
        stack.push_async_callback(each.stop)


def open_feedback(
    events: EventSettings | None,
    service: ReportService,
    outbound: "Outbound",
    relay: Relay,
    store: RelayStore,
    remembers: timedelta,
) -> None:
    """Let what is relayed be reported, and what comes back be read, if there are [events]."""
    if events is None:
        return
    service.sources.topic = events.topic
    outbound.outcomes = RelayedOutcomes(
        service.report_creator, service.sources, _found_again(events), remembers,
        suppresses=events.suppress,
    )  # fmt: skip
    if events.bounce_domain:
        service.report_creator.unreported_domain = events.bounce_domain
        recorder = feedback_recorder(outbound, outbound.outcomes, store, relay)
        outbound.returned = Bounces(
            events.bounce_domain,
            events.bounce_targets,
            outbound.marks,
            recorder,
            outbound.try_learn_quota,
            KeptBounces(events.bounce_domain, store, relay.report),
        )


def feedback_recorder(
    outbound: "Outbound", outcomes: RelayedOutcomes, store: RelayStore, relay: Relay
) -> FeedbackRecorder:
    """Return what records feedback about relayed mail."""
    return FeedbackRecorder(
        store.deliveries, store.notes, outcomes, outbound.marks, relay.report, relay.now
    )


async def open_configured_webhooks(
    events: EventSettings | None, service: ReportService, relay: Relay, stack: AsyncExitStack
) -> None:
    """Subscribe the endpoints that the configuration wants, until ``stack`` is closed. Raises
    QueueError."""
    wanted = () if events is None else events.webhooks
    webhooks = ConfiguredWebhooks(
        service, [WantedWebhook(each.subscription, each.url.read) for each in wanted], LABEL,
        relay.report,
    )  # fmt: skip
    await webhooks.start()
    stack.push_async_callback(webhooks.stop)


def _found_again(events: EventSettings) -> Mapping[str, ProviderFeedback]:
    """Return what providers say later about the mail of each target, by its name."""
    by_target: dict[str, ProviderFeedback] = {}
    for each in events.providers:
        by_recipient = each.poll is not None and any(
            poll.by_recipient for poll in each.provider.polls
        )
        feedback = ProviderFeedback(each.has_delivery_events, by_recipient)
        by_target |= dict.fromkeys(each.targets, feedback)
    for name in events.bounce_targets:
        by_target.setdefault(name, ProviderFeedback(has_delivery_events=False))
    return by_target


def _pollers(
    events: EventSettings, http: Http, recorder: FeedbackRecorder, store: RelayStore
) -> "Iterator[EventPoller]":
    """Yield what reads the lists of events at the APIs of providers."""
    from gatepost.feedback.event_poller import TURN, EventPoller, PolledSource  # noqa: PLC0415

    cluster, take_turn = store.cluster, None
    if cluster is not None:
        take_turn = partial(cluster.try_take_turn, seconds=TURN)
    for each in events.providers:
        if each.poll is None:
            continue
        for number, (poll, url) in enumerate(zip(each.provider.polls, each.poll.urls, strict=True)):
            key, sign_in = each.poll.key.read, poll.sign_in
            identity = f"API key of events.provider.{each.name}"
            proof: HttpSignIn = KeySignIn(identity, key, sign_in.header, sign_in.prefix)
            if sign_in.kind == "basic":
                proof = BasicKeySignIn(identity, sign_in.username, key)
            name = f"{each.name} {number}" if number else each.name
            every = each.poll.every.total_seconds()
            source = PolledSource(
                name, each.name, each.provider, poll, url, each.targets, every, proof
            )
            yield EventPoller(source, recorder, store.notes, http, take_turn)


def _queue_readers(
    events: EventSettings, http: Http, recorder: FeedbackRecorder, store: RelayStore
) -> "Iterator[EventQueueReader]":
    """Yield what reads the queues with events of providers."""
    from gatepost.feedback.queue_reader import (  # noqa: PLC0415 - as above
        TURN,
        EventQueueReader,
        PolledQueue,
    )

    cluster, take_turn = store.cluster, None
    if cluster is not None:
        take_turn = partial(cluster.try_take_turn, seconds=TURN)
    for each in events.providers:
        if each.queue is None:
            continue
        key = each.queue.credential
        token = None if key.session_token is None else key.session_token.read
        sign_in = AwsSignIn(
            f"access key {key.name}", key.access_key_id, key.secret_access_key.read, token,
            each.queue.region, "sqs",
        )  # fmt: skip
        source = PolledQueue(each.name, each.provider, each.queue.url, each.targets, sign_in)
        yield EventQueueReader(source, recorder, store.notes, http, take_turn)


def _source(settings: ProviderEventsSettings, http: Http) -> "WebhookSource":
    from gatepost.feedback.amazon_sns import SnsMessages  # noqa: PLC0415 - as above
    from gatepost.feedback.webhook_endpoint import WebhookSource  # noqa: PLC0415

    sns = None
    if settings.provider.proof.kind == "sns":
        sns = SnsMessages(http, settings.topics, settings.endpoint)
    return WebhookSource(
        settings.name,
        settings.provider,
        settings.targets,
        settings.key.read,
        settings.username,
        sns,
    )


def _files(events: EventSettings) -> tuple[Path, Path] | None:
    if not events.certificate:
        return None
    return Path(events.certificate), Path(events.key or events.certificate)
