"""``[[events.webhook]]``: endpoints that get events from the first start on."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, cast

from gatepost.config import value_syntax as values
from gatepost.config.credentials import NOWHERE, secret
from gatepost.config.settings import WebhookSettings
from gatepost.config.table_reader import TableReader
from gatepost.model.secret import Secret
from gatepost.rest.events.subscription import (
    MAX_ATTEMPTS,
    MAX_BATCH,
    MAX_BATCH_KILOBYTES,
    MAX_MINUTES,
    BatchSize,
    EventFilter,
    EventSubscription,
    RetryPolicy,
    check_name,
    check_types,
)

T = TypeVar("T")
LABEL: Final = "configuration"
"""Of webhooks that the file wants."""
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


def read_webhooks(
    events: TableReader, resource: Callable[[Any], str]
) -> tuple[WebhookSettings, ...]:
    """Return the webhooks; ``resource`` reads the id of a resource."""
    webhooks: list[WebhookSettings] = []
    names: set[str] = set()
    for table in events.tables("webhook"):
        webhook = _webhook(table, resource)
        key = webhook.subscription.key
        if key in names:
            table.fault("name", f"{table.name('name')}: there is already a webhook of this name")
        names.add(key)
        table.finish()
        webhooks.append(webhook)
    return tuple(webhooks)


def _webhook(table: TableReader, resource: Callable[[Any], str]) -> WebhookSettings:
    nobody: tuple[str, ...] = ()
    return WebhookSettings(
        EventSubscription(
            table.need("name", _checked(check_name), "webhook"),
            table.take("resource", resource, ""),
            Secret(""),
            _NEVER,
            cast("Any", table.take("schema", values.one_of(("eventgrid", "cloudevents")),
                                   "eventgrid")),
            EventFilter(
                table.take("event_types", _types, nobody),
                table.take("subject_begins_with", values.optional_text, ""),
                table.take("subject_ends_with", values.optional_text, ""),
                table.take("case_sensitive", values.flag, False),
            ),
            BatchSize(
                table.take("max_batch", values.number(1, MAX_BATCH), 1),
                table.take("batch_kilobytes", values.number(1, MAX_BATCH_KILOBYTES), 64),
            ),
            RetryPolicy(
                table.take("attempts", values.number(1, MAX_ATTEMPTS), MAX_ATTEMPTS),
                table.take("minutes", values.number(1, MAX_MINUTES), MAX_MINUTES),
            ),
            table.take("ca_file", values.optional_path, ""),
            (LABEL,),
        ),
        table.need("url", secret, NOWHERE),
    )  # fmt: skip


def _types(value: Any) -> tuple[str, ...]:
    return check_types(values.some(values.text)(value))


def _checked(check: Callable[[str], T]) -> Callable[[Any], T]:
    return lambda value: check(values.text(value))
