"""What a delivery status notification is about (RFC 3464)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gatepost.model.envelope import Recipient
from gatepost.model.reply import EnhancedStatus, Reply

Action = Literal["failed", "delayed", "delivered", "relayed", "expanded"]
"""RFC 3464 2.3.3."""


@dataclass(frozen=True, slots=True)
class Reported:
    """What became of one recipient's mail."""

    recipient: Recipient
    action: Action
    reply: Reply
    """The last word on it."""
    is_remote: bool = False
    """``host`` said it; else it is ours."""
    host: str = ""
    attempted_at: datetime | None = None
    retry_until: datetime | None = None
    """Of ``delayed``: when it is given up."""
    status: EnhancedStatus | None = None
    """None: what the reply says (RFC 3463)."""
    why: str = ""
    """A sentence for people: the doctor's, or ``queue why``'s."""


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who tells it, and when."""

    host: str
    """This relay's name."""
    id: str
    """The notification's own message id."""
    now: datetime
