"""What the mailbox API needs of the relay around it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from gatepost.mailbox.mailbox import Inbox, Mailbox
from gatepost.mailbox.message_documents import ReleaseMessage
from gatepost.model.message import Submission
from gatepost.rest.request_bodies import Intake


class ChaosSwitch(Protocol):
    """Mailpit's chaos: three rules of scripted failures, of a lane or of the relay."""

    def show(self, lane: str) -> Any:
        """Return the triggers, as JSON shows them."""

    def set(self, triggers: bytes, lane: str) -> Any:
        """Replace the triggers by those of a JSON document; return them. Raises ValueError."""


@dataclass(frozen=True, slots=True)
class ServerNumbers:
    """What ``/api/v1/info`` tells of the server; sizes in octets."""

    version: str = ""
    database: str = ""
    database_size: int = 0
    uptime: int = 0
    """Seconds."""
    memory: int = 0
    accepted: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class MailboxSite:
    """What the mailbox API needs."""

    mailbox: Mailbox
    intake: Intake
    """Receives the bodies of requests."""
    inbox_of: Callable[[str], Inbox | None]
    """Returns the inbox with a name in ``/inbox/NAME``; None if there is none."""
    put: Callable[[Submission, str], Awaitable[None]]
    """Stores a message as captured mail, of the inbox with a name; empty: of none."""
    next_id: Callable[[], str]
    now: Callable[[], datetime]
    host: str
    """The name of this server."""
    message_size: Callable[[], int]
    """Returns the maximum octets of a message."""
    numbers: Callable[[], ServerNumbers]
    refusal: Callable[[], str] = str
    """Returns why no mail is accepted; empty if it is."""
    application_name: Callable[[str], str] = str
    """Returns the name of an application with an id."""
    chaos: ChaosSwitch | None = None
    """None: there are no scripted failures."""
    release: ReleaseMessage | None = None
    """Sends a message to addresses; None: this server sends nothing on."""
    describe: Callable[[], Any] = dict
    """Returns the OpenAPI document of this API."""
