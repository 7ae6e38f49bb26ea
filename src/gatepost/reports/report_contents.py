"""Makes reports about messages: pure functions of stored data."""

from datetime import datetime, timedelta
from typing import Final

from gatepost.model.message import StoredMessage
from gatepost.model.report import DELIVERY, ENGAGEMENT, Report, message_guid, report_guid
from gatepost.reports.outcomes import DELIVERED, ReportedOutcome

ACTIONS: Final = ("view", "click")


def delivery_report(
    message: StoredMessage,
    recipient: str,
    outcome: ReportedOutcome,
    resource: str,
    *circumstances: str,
) -> Report:
    """Return the report of one recipient, the only one in these circumstances.

    ``deliveryAttemptTimestamp`` is spelled as in real webhook requests, not as in the
    documentation's sample.
    """
    guid = message_guid(message.id, message.received_at)
    at = message.received_at + timedelta(seconds=outcome.delay)
    sender, recipient = _readable(message.mail_from), _readable(recipient)
    server = outcome.server or (f"mx.{recipient.rpartition('@')[2]}" if outcome.host else "")
    return Report(
        id=report_guid(guid, DELIVERY, recipient, *circumstances),
        type=DELIVERY,
        message=message.id,
        resource=resource,
        subject=subject(sender, guid),
        at=at,
        data={
            "sender": sender,
            "recipient": recipient,
            "messageId": guid,
            "internetMessageId": _readable(message.message_id),
            "status": outcome.status,
            "deliveryStatusDetails": {
                "statusMessage": _readable(outcome.message),
                "recipientMailServerHostName": _readable(server),
            },
            "deliveryAttemptTimestamp": at.isoformat(),
        },
    )


def presumed_reports(message: StoredMessage, resource: str) -> list[Report]:
    """Return the reports of a message about which nothing else is known: it was delivered."""
    recipients = dict.fromkeys(message.rcpt_to)
    return [delivery_report(message, each, DELIVERED, resource) for each in recipients]


def engagement_report(
    message: StoredMessage, recipient: str, action: str, context: str, agent: str, at: datetime
) -> Report:
    """Return the report of a view or a click (``context``: the link), without its resource."""
    guid = message_guid(message.id, message.received_at)
    sender = _readable(message.mail_from)
    return Report(
        id=report_guid(guid, ENGAGEMENT, recipient, action, context, at.isoformat()),
        type=ENGAGEMENT,
        message=message.id,
        resource="",
        subject=subject(sender, guid),
        at=at,
        data={
            "sender": sender,
            "recipient": recipient,
            "messageId": guid,
            "userActionTimestamp": at.isoformat(),
            "engagementContext": context,
            "userAgent": agent,
            "engagementType": action,
        },
    )


def subject(sender: str, guid: str) -> str:
    """Return the subject by which an event is filtered."""
    return f"sender/{sender}/message/{guid}"


def _readable(text: str) -> str:
    """Return text for JSON, which cannot contain octets that are not UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
