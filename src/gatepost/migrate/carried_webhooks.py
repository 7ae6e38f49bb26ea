"""The event subscriptions of ACS that the relay can have as webhooks. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from gatepost.migrate.inventory import EventGridSubscription, Inventory
from gatepost.model.report import TYPES
from gatepost.model.secret import Secret

MAX_ATTEMPTS, MAX_MINUTES, MAX_BATCH, MAX_BATCH_KILOBYTES = 30, 1440, 5000, 1024
"""Event Grid's limits, which are the relay's."""
MAX_URL: Final = 4096
_SCHEMAS: Final = {"": "eventgrid", "EventGridSchema": "eventgrid",
                   "CloudEventSchemaV1_0": "cloudevents"}  # fmt: skip
_OTHER: Final = re.compile(r"[^A-Za-z0-9-]")


@dataclass(frozen=True, slots=True)
class ExitWebhook:
    """A webhook of the configuration; its URL, which may be a secret, is in a file of its own."""

    name: str
    url: Secret
    keys: dict[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """The name of that file."""
        return f"webhook-{self.name}.url"


def carried_webhooks(inventory: Inventory) -> Iterator[ExitWebhook]:
    """Yield what can be carried over, each with a name of its own."""
    names: set[str] = set()
    for each in inventory.subscriptions:
        if why_not(each):
            continue
        plain = _OTHER.sub("-", each.name)[:56].strip("-").lower() or "webhook"
        plain = plain if len(plain) >= 3 else f"webhook-{plain}"
        name, number = plain, 1
        while name in names:
            number += 1
            name = f"{plain}-{number}"
        names.add(name)
        yield ExitWebhook(name, each.url, _keys(each))


def why_not(subscription: EventGridSubscription) -> str:
    """Return why a subscription cannot be carried over; empty if it can."""
    if subscription.endpoint_type != "WebHook":
        return f"its endpoint is a {subscription.endpoint_type}; the relay calls webhooks only"
    if not subscription.url.reveal():
        return "its URL could not be read"
    if not _is_https(subscription.url.reveal()):
        return "its URL is no https:// URL"
    if subscription.needs_token:
        return "its endpoint wants a token of Entra, which the relay does not send"
    if subscription.schema not in _SCHEMAS:
        return (
            f"its events have the schema {subscription.schema[:60]}, which the relay does not make"
        )
    if subscription.event_types and not _types(subscription):
        return "it has no event of e-mail"
    return ""


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    is_plain = len(url) <= MAX_URL and url.isprintable() and " " not in url
    return parts.scheme == "https" and bool(host) and is_plain


def _types(subscription: EventGridSubscription) -> list[str]:
    known = {each.lower(): each for each in TYPES}
    wanted = [known.get(each.lower(), "") for each in subscription.event_types]
    return [each for each in dict.fromkeys(wanted) if each]


def _keys(each: EventGridSubscription) -> dict[str, Any]:
    attempts, minutes = each.retry
    events, kilobytes = each.batch
    some: dict[str, Any] = {
        "resource": each.resource,
        "schema": _SCHEMAS[each.schema],
        "event_types": _types(each),
        "subject_begins_with": _line(each.subject_begins),
        "subject_ends_with": _line(each.subject_ends),
        "case_sensitive": each.case_sensitive,
        "max_batch": _within(events, MAX_BATCH),
        "batch_kilobytes": _within(kilobytes, MAX_BATCH_KILOBYTES),
        "attempts": _within(attempts, MAX_ATTEMPTS),
        "minutes": _within(minutes, MAX_MINUTES),
    }
    usual = {"schema": "eventgrid", "max_batch": 1, "batch_kilobytes": 64, "attempts": MAX_ATTEMPTS,
             "minutes": MAX_MINUTES}  # fmt: skip
    return {key: value for key, value in some.items() if value and value != usual.get(key)}


def _within(number: int, most: int) -> int:
    return max(1, min(number, most))


def _line(text: str) -> str:
    return text if text.isprintable() else ""
