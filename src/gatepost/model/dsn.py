"""The contents of a delivery status notification (RFC 3464)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gatepost.model.envelope import Recipient
from gatepost.model.reply import EnhancedStatus, Reply

Action = Literal["failed", "delayed", "delivered", "relayed", "expanded"]
"""RFC 3464 2.3.3."""


@dataclass(frozen=True, slots=True)
class Reported:
    """The result for one recipient."""

    recipient: Recipient
    action: Action
    reply: Reply
    """The last reply about it."""
    is_remote: bool = False
    """Whether the reply is from ``host``; otherwise it is ours."""
    host: str = ""
    attempted_at: datetime | None = None
    retry_until: datetime | None = None
    """For ``delayed``: when the relay gives up."""
    status: EnhancedStatus | None = None
    """None: the status of the reply (RFC 3463)."""
    why: str = ""
    """A sentence for the sender: the doctor's, or that of ``queue why``."""


@dataclass(frozen=True, slots=True)
class NotificationOrigin:
    """The relay that reports, and when."""

    host: str
    """The name of this relay."""
    id: str
    """The Message-ID of the notification."""
    now: datetime
