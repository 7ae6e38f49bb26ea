"""The data of an event, field by field, as in real webhooks."""

from datetime import UTC, datetime
from typing import Any

from gatepost.model.message import StoredMessage
from gatepost.model.report import DELIVERY, ENGAGEMENT, message_guid
from gatepost.reports.outcomes import ReportedOutcome, decide
from gatepost.reports.report_contents import delivery_report, engagement_report, presumed_reports

AT = datetime(2025, 11, 11, 21, 17, 5, 360000, tzinfo=UTC)
OPERATION = "f1edbcfb-9d85-4275-ae62-d568141dbc89"
RESOURCE = "/subscriptions/S/resourceGroups/g/providers/Microsoft.Communication/x/Acs"


def stored(**other: Any) -> StoredMessage:
    fields: dict[str, Any] = {
        "id": OPERATION.upper(),
        "received_at": AT,
        "mail_from": "adam@mail9.example",
        "rcpt_to": ("x@icloud.example", "y@icloud.example", "x@icloud.example"),
        "subject": "hi",
        "message_id": "<e73f@listmonk>",
        "size": 3,
        "principal": "res",
    }
    return StoredMessage(**{**fields, **other})


def test_a_delivery_report_has_exactly_these_fields() -> None:
    outcome = ReportedOutcome("Failed", "554 5.7.1 [HM08] Message rejected", host=True, delay=1.5)
    report = delivery_report(stored(), "x@icloud.example", outcome, RESOURCE)
    assert report.data == {
        "sender": "adam@mail9.example",
        "recipient": "x@icloud.example",
        "messageId": OPERATION,
        "internetMessageId": "<e73f@listmonk>",
        "status": "Failed",
        "deliveryStatusDetails": {
            "statusMessage": "554 5.7.1 [HM08] Message rejected",
            "recipientMailServerHostName": "mx.icloud.example",
        },
        "deliveryAttemptTimestamp": "2025-11-11T21:17:06.860000+00:00",
    }
    assert report.subject == f"sender/adam@mail9.example/message/{OPERATION}"
    assert (report.type, report.resource) == (DELIVERY, RESOURCE)
    assert (report.recipient, report.status) == ("x@icloud.example", "Failed")


def test_without_a_connection_no_server_is_named() -> None:
    outcome = decide("suppressed@outcome.gatepost.test", {})
    report = delivery_report(stored(), "x@icloud.example", outcome, "")
    assert report.data["deliveryStatusDetails"]["recipientMailServerHostName"] == ""


def test_an_engagement_report_has_exactly_these_fields() -> None:
    report = engagement_report(
        stored(), "x@icloud.example", "click", "https://example.net/", "Mozilla/5.0", AT
    )
    assert report.type == ENGAGEMENT
    assert report.data == {
        "sender": "adam@mail9.example",
        "recipient": "x@icloud.example",
        "messageId": OPERATION,
        "userActionTimestamp": "2025-11-11T21:17:05.360000+00:00",
        "engagementContext": "https://example.net/",
        "userAgent": "Mozilla/5.0",
        "engagementType": "click",
    }


def test_each_recipient_has_one_report_and_keeps_its_id() -> None:
    first, second = presumed_reports(stored(), RESOURCE)
    assert [first.recipient, second.recipient] == ["x@icloud.example", "y@icloud.example"]
    assert first.id != second.id
    assert presumed_reports(stored(), RESOURCE)[0].id == first.id
    assert first.status == "Delivered"


def test_a_message_without_an_operation_has_a_guid_of_its_own() -> None:
    guid = message_guid("1-2", AT)
    assert guid == message_guid("1-2", AT)
    assert len({guid, message_guid("1-3", AT), message_guid("1-2", AT.replace(second=6))}) == 3
    assert (
        delivery_report(stored(id="1-2"), "x@icloud.example", decide("a@b", {}), "").data[
            "messageId"
        ]
        == guid
    )


def test_octets_that_are_no_text_do_not_stop_a_report() -> None:
    odd = b"\xff".decode("utf-8", "surrogateescape")
    report = delivery_report(stored(message_id=odd), odd + "@example.net", decide("a@b", {}), "")
    assert report.data["internetMessageId"] == "�"
    assert report.recipient == "�@example.net"
