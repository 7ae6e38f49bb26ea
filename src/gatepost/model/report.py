"""The result of a message for one recipient, as subscribers get it.

The names are Azure's: an Event Grid event of Azure Communication Services (Microsoft Learn, "Azure
Communication Services - Email events").
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

DELIVERY: Final = "Microsoft.Communication.EmailDeliveryReportReceived"
ENGAGEMENT: Final = "Microsoft.Communication.EmailEngagementTrackingReportReceived"
TYPES: Final = (DELIVERY, ENGAGEMENT)

_GUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_NAMESPACE: Final = uuid.UUID("4f1f6e3e-5d2a-5b57-9c0b-6c5f0c1f7e2a")

DeliveryStatus = Literal[
    "Delivered", "Expanded", "Bounced", "Suppressed", "Quarantined", "FilteredSpam", "Failed"
]
"""The status in a delivery report (Microsoft Learn, "Azure Communication Services - Email events").
"""


@dataclass(frozen=True, slots=True)
class Report:
    """One event; ``data`` is its payload in Azure's spelling."""

    id: str
    """A GUID that is the same whenever the report is made or sent."""
    type: str
    message: str
    """The id of our message."""
    resource: str
    """The id of the Communication Services resource; empty if it is unknown."""
    subject: str
    at: datetime
    """UTC. A report may be due in the future."""
    data: Mapping[str, Any] = field(hash=False)

    @property
    def recipient(self) -> str:
        """The recipient."""
        return str(self.data.get("recipient", ""))

    @property
    def status(self) -> str:
        """The status of a delivery, or the type of an engagement."""
        return str(self.data.get("status") or self.data.get("engagementType", ""))


@dataclass(frozen=True, slots=True)
class PublishedReport:
    """A report, and the keys of the subscriptions that get it."""

    report: Report
    subscriptions: tuple[str, ...] = ()


def message_guid(id: str, received_at: datetime) -> str:
    """Return the ``messageId`` of a message's reports.

    It is the message's own id if that is a GUID, as it is for REST operations; otherwise one that
    is derived from id and time, so that two relays with equal ids do not share it.
    """
    if _GUID.fullmatch(id):
        return id.lower()
    return str(uuid.uuid5(_NAMESPACE, f"{id} {received_at.isoformat()}"))


def report_guid(message_id: str, *what: str) -> str:
    """Return the id of a report: always the same for the same message and circumstances."""
    return str(uuid.uuid5(_NAMESPACE, "\n".join((message_id, *what))))


@dataclass(frozen=True, slots=True)
class SuppressedPeriod:
    """Nothing is sent to ``address`` from ``since`` until ``until`` (UTC)."""

    address: str
    """In lower case."""
    level: int
    """How often it was prolonged, which decides about its duration."""
    since: datetime
    until: datetime
    is_damaged: bool = False
    """The record in the store is damaged: it holds until somebody deletes it."""
