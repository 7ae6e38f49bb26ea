"""A send operation of the e-mail REST API, as it is kept."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SendOperation:
    """What became of a request to send. Its message has the same id."""

    id: str
    """A GUID, lower case; the client's or ours."""
    resource: str
    """Id of the Communication Services resource, lower case."""
    started_at: datetime
    """UTC."""
    request: bytes
    """SHA-256 of the request's body: who repeats the id must mean the same message."""
    sender: str = ""
    message_id: str = ""
    """The Message-ID that the client chose; empty when it is ours."""
    tracking_disabled: bool = False
    """The client asked that nobody notes who reads the message."""
    error: tuple[str, str] | None = None
    """Code and message when it failed in the end; None: it succeeds."""
