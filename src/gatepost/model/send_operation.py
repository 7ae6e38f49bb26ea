"""A send operation of the e-mail REST API, as it is stored."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SendOperation:
    """The state of a request to send. Its message has the same id."""

    id: str
    """A GUID in lower case; the client's or ours."""
    resource: str
    """The id of the Communication Services resource, in lower case."""
    started_at: datetime
    """UTC."""
    request: bytes
    """The SHA-256 of the request's body: a repeated id must have the same message."""
    sender: str = ""
    message_id: str = ""
    """The Message-ID that the client chose; empty: ours."""
    tracking_disabled: bool = False
    """The client disabled user engagement tracking."""
    error: tuple[str, str] | None = None
    """Code and message of a permanent failure; None: it succeeded."""
