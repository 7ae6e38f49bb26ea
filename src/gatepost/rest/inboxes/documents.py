"""What the API of inboxes takes and answers."""

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from gatepost.mailbox.lanes import LONGEST_TTL, USUAL_TTL, LaneListener
from gatepost.mailbox.message_documents import CodeInMessage, MailboxMessage

MOST_RECIPIENTS: Final = 1_000
"""Recipients of a message that is sent on."""


class InboxDocument(Struct, frozen=True):
    """An inbox: of all mail, of an application, of a user name, or of a lane."""

    id: str
    """Its name in ``/inbox/ID``."""
    kind: Literal["all", "application", "username", "lane"]
    name: str
    messages: int
    unread: int
    last_at: str | None
    """When its newest message was received; null without one."""


class InboxList(Struct, frozen=True):
    """Inboxes, that of all mail first."""

    inboxes: tuple[InboxDocument, ...]


class LaneRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A lane to open."""

    name: str | None = None
    """Null: a random one."""
    ttl: Annotated[float, Meta(ge=1, le=LONGEST_TTL)] = USUAL_TTL
    """Seconds until it ends."""
    listeners: tuple[LaneListener, ...] = ("smtp",)
    application: str | None = None
    """``new``, or the name of an application with whose credentials it is used; null: none."""


class LaneEndpoint(Struct, frozen=True):
    """Where a listener of a lane is."""

    host: str
    port: int
    tls: str
    """``starttls``, ``implicit`` or ``none``."""


class LaneDocument(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A lane."""

    name: str
    api: str
    """The base URL of its mailbox API."""
    smtp: LaneEndpoint | None
    smtps: LaneEndpoint | None
    username: str
    from_: str
    """An address that it may use as sender."""
    ca_file: str | None
    """A file with the authority of its certificate; null: without TLS."""
    created_at: str
    expires_at: str
    messages: int
    unread: int


class NewLane(LaneDocument, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A lane that was just opened: the only time that its password is shown."""

    password: str


class LaneList(Struct, frozen=True):
    """Lanes, oldest first."""

    lanes: tuple[LaneDocument, ...]


class DeletedLane(Struct, frozen=True):
    """A lane that has ended."""

    deleted: str


class MessageList(Struct, frozen=True):
    """Messages, newest first."""

    messages: tuple[MailboxMessage, ...]
    count: int
    """Messages that match."""
    unread: int
    cursor: str | None
    """``after`` for the next page; null at the end."""
    counted_all: bool | UnsetType = UNSET
    """False if at least ``count`` match: to count all would have taken too long."""
    unlisted: int | UnsetType = UNSET
    """About how many messages are stored, but will be listed and found only later."""


class ReleaseRecipients(Struct, frozen=True, forbid_unknown_fields=True):
    """To whom a captured message is sent."""

    to: Annotated[tuple[str, ...], Meta(min_length=1, max_length=MOST_RECIPIENTS)]


class CodeList(Struct, frozen=True):
    """The one-time codes of a message, best first."""

    codes: tuple[CodeInMessage, ...]
