"""Event subscriptions as Resource Manager writes them.

Source: Azure REST API specifications, Microsoft.EventGrid 2022-06-15, eventSubscriptions.
"""

from dataclasses import replace
from typing import Any, Final

import msgspec

from gatepost.model.secret import Secret
from gatepost.net.listen import is_loopback
from gatepost.rest.events.subscription import (
    MAX_ATTEMPTS,
    MAX_BATCH,
    MAX_BATCH_KILOBYTES,
    MAX_MINUTES,
    BatchSize,
    EventFilter,
    EventSubscription,
    RetryPolicy,
    Schema,
    State,
    SubscriptionError,
    check_number,
    check_types,
    check_url,
)

TYPE: Final = "Microsoft.EventGrid/eventSubscriptions"
_ALL: Final = "All"
_SCHEMAS: Final[dict[str, Schema]] = {
    "eventgridschema": "eventgrid",
    "cloudeventschemav1_0": "cloudevents",
}
_SCHEMA_NAMES: Final[dict[Schema, str]] = {
    "eventgrid": "EventGridSchema",
    "cloudevents": "CloudEventSchemaV1_0",
}


class _Struct(msgspec.Struct, rename="camel"):
    """Names as in Azure's JSON."""


class WebHook(_Struct):
    """``destination.properties``."""

    endpoint_url: str | None = None
    max_events_per_batch: int | None = None
    preferred_batch_size_in_kilobytes: int | None = None


class Destination(_Struct):
    """``properties.destination``."""

    endpoint_type: str = ""
    properties: WebHook = msgspec.field(default_factory=WebHook)


class FilterBody(_Struct):
    """``properties.filter``."""

    included_event_types: list[str] | None = None
    subject_begins_with: str | None = None
    subject_ends_with: str | None = None
    is_subject_case_sensitive: bool | None = None
    advanced_filters: list[Any] | None = None


class RetryBody(_Struct):
    """``properties.retryPolicy``."""

    max_delivery_attempts: int | None = None
    event_time_to_live_in_minutes: int | None = None


class Properties(_Struct):
    """The properties of a subscription; those that are missing stay unchanged."""

    destination: Destination | None = None
    filter: FilterBody | None = None
    retry_policy: RetryBody | None = None
    labels: list[str] | None = None
    event_delivery_schema: str | None = None
    delivery_with_resource_identity: Any = None


class SubscriptionBody(_Struct):
    """The body of PUT."""

    properties: Properties = msgspec.field(default_factory=Properties)


def apply(properties: Properties, old: EventSubscription) -> EventSubscription:
    """Return the changed subscription. Raises SubscriptionError."""
    if properties.delivery_with_resource_identity is not None:
        raise SubscriptionError("deliveryWithResourceIdentity is not supported here")
    new = old
    if properties.destination is not None:
        new = _with_destination(properties.destination, new)
    if properties.filter is not None:
        new = replace(new, filter=_filter(properties.filter))
    if properties.retry_policy is not None:
        new = replace(new, retry=_retry(properties.retry_policy))
    if properties.labels is not None:
        new = replace(new, labels=tuple(properties.labels))
    if properties.event_delivery_schema is not None:
        schema = _SCHEMAS.get(properties.event_delivery_schema.lower())
        if schema is None:
            raise SubscriptionError(
                f"eventDeliverySchema must be one of {', '.join(_SCHEMA_NAMES.values())}"
            )
        new = replace(new, schema=schema)
    if not new.url:
        raise SubscriptionError("the destination has no endpointUrl")
    return new


def _with_destination(destination: Destination, old: EventSubscription) -> EventSubscription:
    if destination.endpoint_type.lower() != "webhook":
        raise SubscriptionError("the only supported endpointType is WebHook")
    body = destination.properties
    url = old.url
    if body.endpoint_url is not None:
        url = Secret(check_url(body.endpoint_url, is_loopback))
    events, kilobytes = body.max_events_per_batch, body.preferred_batch_size_in_kilobytes
    default = BatchSize()
    batch = BatchSize(
        check_number("maxEventsPerBatch", default.events if events is None else events, MAX_BATCH),
        check_number(
            "preferredBatchSizeInKilobytes",
            default.kilobytes if kilobytes is None else kilobytes,
            MAX_BATCH_KILOBYTES,
        ),
    )
    return replace(old, url=url, batch=batch)


def _filter(body: FilterBody) -> EventFilter:
    if body.advanced_filters:
        raise SubscriptionError("advancedFilters are not supported here")
    types = [each for each in body.included_event_types or () if each.lower() != _ALL.lower()]
    return EventFilter(
        check_types(tuple(types)),
        body.subject_begins_with or "",
        body.subject_ends_with or "",
        bool(body.is_subject_case_sensitive),
    )


def _retry(body: RetryBody) -> RetryPolicy:
    attempts, minutes = body.max_delivery_attempts, body.event_time_to_live_in_minutes
    return RetryPolicy(
        check_number(
            "maxDeliveryAttempts", MAX_ATTEMPTS if attempts is None else attempts, MAX_ATTEMPTS
        ),
        check_number(
            "eventTimeToLiveInMinutes", MAX_MINUTES if minutes is None else minutes, MAX_MINUTES
        ),
    )


def document(each: EventSubscription, state: State) -> dict[str, Any]:
    """Return the resource; only ``getFullUrl`` returns the whole URL."""
    return {
        "id": each.id,
        "name": each.name,
        "type": TYPE,
        "properties": {
            "topic": each.scope.lower(),
            "provisioningState": state,
            "labels": list(each.labels),
            "destination": {
                "endpointType": "WebHook",
                "properties": {
                    "endpointUrl": None,
                    "endpointBaseUrl": each.endpoint,
                    "maxEventsPerBatch": each.batch.events,
                    "preferredBatchSizeInKilobytes": each.batch.kilobytes,
                },
            },
            "filter": {
                "includedEventTypes": list(each.filter.types) or None,
                "subjectBeginsWith": each.filter.subject_begins,
                "subjectEndsWith": each.filter.subject_ends,
                "isSubjectCaseSensitive": each.filter.case_sensitive,
            },
            "eventDeliverySchema": _SCHEMA_NAMES[each.schema],
            "retryPolicy": {
                "maxDeliveryAttempts": each.retry.attempts,
                "eventTimeToLiveInMinutes": each.retry.minutes,
            },
        },
    }
