"""Reports as they are sent: Event Grid's own schema, and CloudEvents 1.0.

Sources: Microsoft Learn, "Azure Event Grid event schema", "CloudEvents v1.0 schema with Azure
Event Grid", "Azure Communication Services - Email events"; the headers: "Event Grid as an event
source, delivery properties" (message headers).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from gatepost.model.report import Report
from gatepost.model.rfc3339 import utc_text
from gatepost.rest.events.subscription import EventSubscription, Schema

DATA_VERSION: Final = "1.0"
METADATA_VERSION: Final = "1"
CLOUD_EVENTS_VERSION: Final = "1.0"
ORIGIN: Final = "eventgrid.azure.net"
"""The name of the sender in the CloudEvents handshake."""

encode: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def event(report: Report, schema: Schema) -> dict[str, Any]:
    """Return a report in a schema. The id of the resource is in lower case, as in Event Grid."""
    topic, time = report.resource.lower(), utc_text(report.at, "microseconds")
    if schema == "cloudevents":
        return {
            "id": report.id,
            "source": topic or "/",
            "specversion": CLOUD_EVENTS_VERSION,
            "type": report.type,
            "subject": report.subject,
            "time": time,
            "data": dict(report.data),
        }
    return {
        "id": report.id,
        "topic": topic,
        "subject": report.subject,
        "data": dict(report.data),
        "eventType": report.type,
        "dataVersion": DATA_VERSION,
        "metadataVersion": METADATA_VERSION,
        "eventTime": time,
    }


def body(reports: Sequence[Report], subscription: EventSubscription) -> tuple[bytes, str]:
    """Return the body of a request and its content type.

    In Event Grid's schema it is always an array; a CloudEvent is an object, unless the subscription
    has batches.
    """
    events = [event(each, subscription.schema) for each in reports]
    if subscription.schema == "eventgrid":
        return encode(events).encode(), "application/json; charset=utf-8"
    if subscription.batch.events == 1:
        return encode(events[0]).encode(), "application/cloudevents+json; charset=utf-8"
    return encode(events).encode(), "application/cloudevents-batch+json; charset=utf-8"


def headers(
    subscription: EventSubscription, reports: Sequence[Report], attempts: int
) -> Mapping[str, str]:
    """Return the headers of a notification after ``attempts`` earlier attempts."""
    is_cloud = subscription.schema == "cloudevents"
    headers = {
        "aeg-subscription-name": subscription.name.upper(),
        "aeg-delivery-count": str(attempts),
        "aeg-event-type": "Notification",
        "aeg-data-version": "" if is_cloud else DATA_VERSION,
        "aeg-metadata-version": CLOUD_EVENTS_VERSION if is_cloud else METADATA_VERSION,
        "aeg-output-event-id": reports[0].id if len(reports) == 1 else "",
    }
    if is_cloud:
        headers["WebHook-Request-Origin"] = ORIGIN
    return {name: value for name, value in headers.items() if value}
