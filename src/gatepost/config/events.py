"""``[events]``: what subscribers learn of relayed mail, from whom, and who gets no mail."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from gatepost.client.named_secret import NamedSecret
from gatepost.config import value_syntax as values
from gatepost.config.credentials import NOWHERE, secret
from gatepost.config.event_queues import read_queue
from gatepost.config.event_webhooks import read_webhooks
from gatepost.config.http_api_targets import read_setting
from gatepost.config.http_provider_file import PLACEHOLDER
from gatepost.config.positions import Path
from gatepost.config.problems import nearest
from gatepost.config.provider_events_file import read_event_provider
from gatepost.config.provider_file import take_provider
from gatepost.config.settings import (
    AzureDirectorySettings,
    CredentialSettings,
    DirectorySettings,
    EventSettings,
    PollSettings,
    ProviderEventsSettings,
)
from gatepost.config.table_reader import TableReader
from gatepost.model.address import Address
from gatepost.model.provider_events import EventProvider
from gatepost.model.route import Capture, Route, Target
from gatepost.net.listen import is_loopback
from gatepost.routing.route import Origin, matches

_RESOURCE: Final = re.compile(
    r"/subscriptions/[^/\s]{1,100}/resourceGroups/[^/\s]{1,100}"
    r"/providers/Microsoft\.Communication/communicationServices/[^/\s]{1,100}",
    re.IGNORECASE,
)
LEAST, MOST = timedelta(seconds=10), timedelta(hours=1)
"""How often a provider's API may be asked."""
_TOPIC: Final = re.compile(r"arn:aws[a-z-]{0,10}:sns:[a-z0-9-]{1,30}:\d{12}:[A-Za-z0-9_.-]{1,256}")


def read_events(
    root: TableReader,
    directories: Sequence[DirectorySettings],
    credentials: Mapping[str, CredentialSettings],
    targets: Mapping[str, Target],
    routes: Sequence[Route],
) -> EventSettings | None:
    """Return the settings, if the file has any."""
    table = root.table("events")
    if not root.has("events"):
        return None
    topic, suppress = table.take("topic", _topic, ""), table.take("suppress", values.flag, True)
    listener, certificate, key = _listener(table)
    tables = table.named("provider").items()
    read = [_provider(each, name, credentials, targets) for name, each in tables]
    providers = tuple([each for each in read if each is not None])
    has_webhooks = any(each.has_webhook for each in providers)
    domain, bouncing = _bounces(table, targets, routes)
    settings = EventSettings(
        topic, suppress, domain, bouncing, listener, certificate, key, providers,
        read_webhooks(table, _topic),
    )  # fmt: skip
    has_resources = any(isinstance(each, AzureDirectorySettings) for each in directories)
    if not settings.topic and not has_resources and not table.is_mistaken("topic"):
        problem = 'without a directory of kind "azure", events need the id of a resource'
        table.lack("topic", f"{table.name('topic')} is missing: {problem}")
    if has_webhooks and listener is None and not table.is_mistaken("address"):
        problem = "the webhooks of providers need an address to come in"
        table.lack("address", f"{table.name('address')} is missing: {problem}")
    table.finish()
    return settings


def _bounces(
    table: TableReader, targets: Mapping[str, Target], routes: Sequence[Route]
) -> tuple[str, tuple[str, ...]]:
    """Return the domain of bounces, and the targets whose mail comes back to it."""
    domain = table.take("bounce_domain", _domain, "")
    if not domain:
        table.turn_away(("bounce_targets",), f"needs {table.name('bounce_domain')}")
        return "", ()
    bouncing: tuple[str, ...] = table.need("bounce_targets", values.some(values.text), ())
    _check_targets(table, bouncing, targets, "bounce_targets")
    bounce = Address("postmaster", domain)
    first = next((each for each in routes if matches(each.match, Origin(None), bounce)), None)
    if not any(domain in each.match.recipients and _is_captured(each) for each in routes):
        problem = f'there is no [[route]] with recipients = ["{domain}"] to a target that captures'
        table.fault("bounce_domain", f"{table.name('bounce_domain')}: {problem}")
    elif first is not None and not _is_captured(first):
        problem = f"the route {first.name} is earlier, and would send bounces away again"
        table.fault("bounce_domain", f"{table.name('bounce_domain')}: {problem}")
    return domain, bouncing


def _is_captured(route: Route) -> bool:
    return all(isinstance(each, Capture) for each in route.chain)


def _domain(value: Any) -> str:
    return values.host(value).lower() if value != "" else ""


def _listener(table: TableReader) -> tuple[tuple[str, int] | None, str, str]:
    """Return where webhooks come in, its certificate and its key."""
    address = table.take("address", _place, None)
    certificate = table.take("certificate", values.optional_path, "")
    key = table.take("key", values.optional_path, "")
    if address is not None and not is_loopback(address[0]) and not certificate:
        problem = "other machines can connect, so webhooks need TLS"
        if not table.is_mistaken("certificate"):
            table.lack("certificate", f"{table.name('certificate')} is missing: {problem}")
    return address, certificate, key


def _provider(
    table: TableReader,
    name: str,
    credentials: Mapping[str, CredentialSettings],
    targets: Mapping[str, Target],
) -> ProviderEventsSettings | None:
    provider = take_provider(table, read_event_provider)
    if provider is None:
        table.ignore_rest()
        table.finish()
        return None
    key, username, endpoint = NOWHERE, "", ""
    topics: tuple[str, ...] = ()
    poll, queue = _poll(table, provider), read_queue(table, provider, credentials)
    has_other = poll is not None or table.has("queue")
    has_webhook = not has_other or any(map(table.has, ("key", "password", "topics")))
    if not has_webhook:
        pass
    elif provider.proof.kind == "sns":
        topics = table.need("topics", values.some(_arn), ())
        endpoint = table.take("endpoint", values.https_url, "")
    elif provider.proof.kind == "basic":
        username = table.need("username", values.text, "")
        key = table.need("password", secret, NOWHERE)
    else:
        key = table.need("key", secret, NOWHERE)
    wanted: tuple[str, ...] = table.need("targets", values.some(values.text), ())
    _check_targets(table, wanted, targets)
    table.finish()
    return ProviderEventsSettings(
        name, provider, wanted, key, username, topics, endpoint, poll, queue, has_webhook
    )


def _poll(table: TableReader, provider: EventProvider) -> PollSettings | None:
    """Return how events are read from the provider's API, if they are."""
    keys = ("api_key", "api_endpoint", *provider.placeholders)
    if not table.has("poll"):
        table.take("poll", _often, None)
        table.turn_away(keys, f"needs {table.name('poll')}")
        return None
    if not provider.polls:
        table.turn_away(("poll", *keys), f"cannot be used: no API of {provider.title} is known")
        return None
    every = table.take("poll", _often, None)
    key = table.need("api_key", secret, NOWHERE)
    base = table.take("api_endpoint", values.https_url, "")
    settings = {name: read_setting(table, name, each) for name, each in
                provider.placeholders.items()}  # fmt: skip
    urls = []
    for each in provider.polls:
        url = PLACEHOLDER.sub(lambda match: settings.get(match[1], ""), each.url)
        urls.append(f"{base.rstrip('/')}{urlsplit(url).path}" if base else url)
    return None if every is None else PollSettings(every, key, tuple(urls))


def _often(value: Any) -> timedelta | None:
    span = values.positive_span(value)
    if not LEAST <= span <= MOST:
        raise ValueError('must be a time from "10s" to "1h"')
    return span


def _check_targets(
    table: TableReader, wanted: Collection[str], targets: Mapping[str, Target], key: str = "targets"
) -> None:
    for each in wanted:
        if each not in targets or isinstance(targets[each], Capture):
            problem = f"{table.name(key)}: there is no target {each} that relays mail"
            table.fault(key, problem, nearest(each, targets))


def secrets_of(settings: EventSettings) -> list[tuple[Path, NamedSecret]]:
    """Return every secret with its path in the file."""
    of_webhooks: list[tuple[Path, NamedSecret]] = [
        (("events", "provider", each.name, key), each.key)
        for each in settings.providers
        if each.key is not NOWHERE
        for key in ("password" if each.username else "key",)
    ]
    for number, webhook in enumerate(settings.webhooks):
        if webhook.url is not NOWHERE:
            of_webhooks.append((("events", "webhook", number, "url"), webhook.url))
    return of_webhooks + [
        (("events", "provider", each.name, "api_key"), each.poll.key)
        for each in settings.providers
        if each.poll is not None and each.poll.key is not NOWHERE
    ]


def _place(value: Any) -> tuple[str, int] | None:
    return values.listening(value)


def _topic(value: Any) -> str:
    """The id of a Communication Services resource, which events have as their topic."""
    if isinstance(value, str) and (_RESOURCE.fullmatch(value) or not value):
        return value
    raise ValueError(
        "must be the id of a resource: /subscriptions/ID/resourceGroups/GROUP/providers/"
        "Microsoft.Communication/communicationServices/NAME"
    )


def _arn(value: Any) -> str:
    if isinstance(value, str) and _TOPIC.fullmatch(value):
        return value
    raise ValueError("must be the ARN of a topic: arn:aws:sns:REGION:ACCOUNT:NAME")
