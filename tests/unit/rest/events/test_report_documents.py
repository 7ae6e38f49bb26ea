"""Sent documents: both schemas field by field, the headers, and the content types."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from gatepost.model.report import DELIVERY, Report
from gatepost.model.secret import Secret
from gatepost.rest.events.report_documents import body, headers
from gatepost.rest.events.subscription import BatchSize, EventSubscription, Schema

AT = datetime(2025, 11, 11, 21, 17, 5, 360000, tzinfo=UTC)
SCOPE = (
    "/subscriptions/S/resourceGroups/RG/providers/Microsoft.Communication/CommunicationServices/Acs"
)
DATA = {"recipient": "ann@example.net", "status": "Delivered"}
REPORT = Report("93902694", DELIVERY, "1-1", SCOPE, "sender/a/message/m", AT, DATA)


def subscription(schema: Schema = "eventgrid", events: int = 1) -> EventSubscription:
    return EventSubscription(
        "hook", SCOPE, Secret("https://x/"), AT, schema=schema, batch=BatchSize(events)
    )


def sent(*reports: Report, to: EventSubscription) -> tuple[Any, str]:
    octets, kind = body(reports, to)
    return json.loads(octets), kind


def test_event_grid_s_schema() -> None:
    events, kind = sent(REPORT, to=subscription())
    assert kind == "application/json; charset=utf-8"
    assert events == [
        {
            "id": "93902694",
            "topic": SCOPE.lower(),
            "subject": "sender/a/message/m",
            "data": DATA,
            "eventType": "Microsoft.Communication.EmailDeliveryReportReceived",
            "dataVersion": "1.0",
            "metadataVersion": "1",
            "eventTime": "2025-11-11T21:17:05.360000Z",
        }
    ]


def test_cloud_events_schema() -> None:
    event, kind = sent(REPORT, to=subscription("cloudevents"))
    assert kind == "application/cloudevents+json; charset=utf-8"
    assert event == {
        "id": "93902694",
        "source": SCOPE.lower(),
        "specversion": "1.0",
        "type": "Microsoft.Communication.EmailDeliveryReportReceived",
        "subject": "sender/a/message/m",
        "time": "2025-11-11T21:17:05.360000Z",
        "data": DATA,
    }


@pytest.mark.parametrize(
    ("schema", "kind"),
    [("eventgrid", "application/json"), ("cloudevents", "application/cloudevents-batch+json")],
)
def test_a_batch_is_an_array(schema: Schema, kind: str) -> None:
    to = subscription(schema, events=10)
    assert sent(REPORT, REPORT, to=to)[1].startswith(kind)
    assert len(sent(REPORT, REPORT, to=to)[0]) == 2
    assert len(sent(REPORT, to=to)[0]) == 1


def test_the_headers_of_a_notification() -> None:
    assert headers(subscription(), [REPORT], 2) == {
        "aeg-subscription-name": "HOOK",
        "aeg-delivery-count": "2",
        "aeg-event-type": "Notification",
        "aeg-data-version": "1.0",
        "aeg-metadata-version": "1",
        "aeg-output-event-id": "93902694",
    }
    cloud = headers(subscription("cloudevents"), [REPORT, REPORT], 0)
    assert cloud["aeg-metadata-version"] == "1.0"
    assert cloud["WebHook-Request-Origin"] == "eventgrid.azure.net"
    assert "aeg-output-event-id" not in cloud
    assert "aeg-data-version" not in cloud
