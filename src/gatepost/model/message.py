"""A message on its way into the store, and as the store lists it."""

from datetime import datetime

from gatepost.model.body import Body
from gatepost.model.envelope import Envelope
from gatepost.model.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Submission:
    """What a store keeps of one accepted transaction.

    ``trace`` is the Received field that the relay adds, with CRLF; ``body`` is the client's
    content, unchanged except for bare CR and LF.
    """

    id: str
    envelope: Envelope
    body: Body
    trace: bytes
    received_at: datetime
    """UTC."""
    principal: str = ""
    subject: str = ""
    """The Subject field as it is in the header, unfolded, not decoded."""
    message_id: str = ""
    application: str = ""
    """The id of the principal's application, for routes; it is not stored."""


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One message in a listing."""

    id: str
    received_at: datetime
    mail_from: str
    """Empty: the null sender."""
    rcpt_to: tuple[str, ...]
    subject: str
    message_id: str
    size: int
    """Octets of the client's content."""
    principal: str
