"""What became of a message for one recipient, as it is told to those who subscribed.

Azure's words: an Event Grid event of Azure Communication Services (Microsoft Learn,
"Azure Communication Services - Email events").
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

DELIVERY: Final = "Microsoft.Communication.EmailDeliveryReportReceived"
ENGAGEMENT: Final = "Microsoft.Communication.EmailEngagementTrackingReportReceived"
TYPES: Final = (DELIVERY, ENGAGEMENT)

_GUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_NAMESPACE: Final = uuid.UUID("4f1f6e3e-5d2a-5b57-9c0b-6c5f0c1f7e2a")


@dataclass(frozen=True, slots=True)
class Report:
    """One event; ``data`` is its payload in Azure's spelling."""

    id: str
    """A GUID that stays the same however often the report is made or sent."""
    type: str
    message: str
    """Our message's id."""
    resource: str
    """Id of the Communication Services resource; empty when nobody knows which."""
    subject: str
    at: datetime
    """UTC. A report may lie in the future until then."""
    data: Mapping[str, Any] = field(hash=False)

    @property
    def recipient(self) -> str:
        """Whom it is about."""
        return str(self.data.get("recipient", ""))

    @property
    def status(self) -> str:
        """What happened: a delivery's status, or the engagement's type."""
        return str(self.data.get("status") or self.data.get("engagementType", ""))


def message_guid(id: str, received_at: datetime) -> str:
    """Return the ``messageId`` of a message's reports.

    It is the message's own id where that is a GUID, as a REST operation's is; else one that
    follows from id and time, so that two relays whose ids are equal do not share it.
    """
    if _GUID.fullmatch(id):
        return id.lower()
    return str(uuid.uuid5(_NAMESPACE, f"{id} {received_at.isoformat()}"))


def report_guid(message_id: str, *what: str) -> str:
    """Return the id of a report: the same for the same message and circumstances."""
    return str(uuid.uuid5(_NAMESPACE, "\n".join((message_id, *what))))
