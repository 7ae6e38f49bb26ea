"""Messages as Mailpit's API shows them: its names and types, and our additions.

Field by field as in Mailpit v1.30.5, internal/storage/structs.go. ``null`` never stands for a list.
"""

from datetime import datetime
from typing import Final

import msgspec

_SPELLED: Final = {
    "cc": "Cc",
    "html": "HTML",
    "id": "ID",
    "md5": "MD5",
    "message_id": "MessageID",
    "part_id": "PartID",
    "sha1": "SHA1",
    "sha256": "SHA256",
    "content_id": "ContentID",
    "file_name": "FileName",
    "url": "URL",
}


def spell(name: str) -> str:
    """Return the name of a field in JSON."""
    return _SPELLED.get(name) or "".join(each.capitalize() for each in name.split("_"))


def timestamp(time: datetime) -> str:
    """Return RFC 3339 in UTC with three fractional digits."""
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}Z"


class AddressDocument(msgspec.Struct, frozen=True, rename=spell):
    """An address with its name, both may be empty."""

    name: str = ""
    address: str = ""


class ListedMessage(msgspec.Struct, frozen=True, rename=spell):
    """A message in a list."""

    id: str
    message_id: str
    read: bool
    from_: AddressDocument = msgspec.field(name="From")
    to: tuple[AddressDocument, ...]
    cc: tuple[AddressDocument, ...]
    bcc: tuple[AddressDocument, ...]
    reply_to: tuple[AddressDocument, ...]
    subject: str
    created: str
    username: str
    tags: tuple[str, ...]
    size: int
    attachments: int
    snippet: str
    application: str = ""
    """The application that sent it; empty if none did."""
    inbox: str = ""
    """The lane over which it came; empty if over none."""
    injected: tuple[str, ...] = ()
    """The rules of scripted failures that applied to it."""
    statuses: tuple[str, ...] = ()
    """What delivery reports say of its recipients, each status once."""


class ListedMessages(msgspec.Struct, frozen=True):
    """A page of messages: of all of an inbox, or of those that a query matches."""

    total: int
    """Messages in the inbox."""
    unread: int
    """Unread messages in the inbox."""
    count: int
    """Messages in this page."""
    messages_count: int
    """Messages that match."""
    messages_unread: int
    """Unread messages that match."""
    start: int
    tags: tuple[str, ...]
    """All tags of the inbox."""
    messages: tuple[ListedMessage, ...]
    cursor: str
    """Names this moment: with ``after``, only later arrivals are listed."""
    timed_out: bool | msgspec.UnsetType = msgspec.UNSET
    """True if ``wait`` has ended before enough messages came."""
    counted_all: bool | msgspec.UnsetType = msgspec.UNSET
    """False if at least ``messages_count`` match: to count all would have taken too long."""
    unlisted: int | msgspec.UnsetType = msgspec.UNSET
    """About how many messages are stored, but will be listed and found only later."""


class Checksums(msgspec.Struct, frozen=True, rename=spell):
    """Of the decoded content, in hexadecimal digits."""

    md5: str
    sha1: str
    sha256: str


class AttachmentDocument(msgspec.Struct, frozen=True, rename=spell):
    """A part with a name or a Content-ID."""

    part_id: str
    file_name: str
    content_type: str
    content_id: str
    size: int
    """Octets, decoded."""
    checksums: Checksums


class ListUnsubscribe(msgspec.Struct, frozen=True, rename=spell):
    """The List-Unsubscribe field (RFC 2369), and how it may be used at once (RFC 8058)."""

    header: str
    links: tuple[str, ...]
    errors: str
    header_post: str


class CodeDocument(msgspec.Struct, frozen=True, rename=spell):
    """A number that is probably a one-time code."""

    value: str
    where: str
    """``text``, ``html`` or ``subject``."""
    score: float
    """From 0 to 1."""
    context: str


class LinkDocument(msgspec.Struct, frozen=True, rename=spell):
    """A URL, and what is shown for it."""

    url: str
    text: str
    where: str
    """``text`` or ``html``."""


class EnvelopeDocument(msgspec.Struct, frozen=True, rename=spell):
    """The envelope of the transaction."""

    from_: str = msgspec.field(name="From")
    """Empty: the null sender."""
    to: tuple[str, ...]


class OutcomeDocument(msgspec.Struct, frozen=True, rename=spell):
    """How delivery to a recipient ends, as delivery reports say it."""

    recipient: str
    status: str


class MessageDocument(msgspec.Struct, frozen=True, rename=spell):
    """A message with its contents."""

    id: str
    message_id: str
    read: bool
    from_: AddressDocument = msgspec.field(name="From")
    to: tuple[AddressDocument, ...]
    cc: tuple[AddressDocument, ...]
    bcc: tuple[AddressDocument, ...]
    reply_to: tuple[AddressDocument, ...]
    return_path: str
    subject: str
    list_unsubscribe: ListUnsubscribe
    date: str
    """That of its Date field; without one, when it was received."""
    tags: tuple[str, ...]
    username: str
    text: str
    html: str
    size: int
    inline: tuple[AttachmentDocument, ...]
    attachments: tuple[AttachmentDocument, ...]
    codes: tuple[CodeDocument, ...]
    links: tuple[LinkDocument, ...]
    application: str
    """The application that sent it; empty if none did."""
    inbox: str
    """The lane over which it came; empty if over none."""
    session: str
    """The session in which it was received; empty if that is not recorded."""
    injected: tuple[str, ...]
    """The rules of scripted failures that applied to it."""
    envelope: EnvelopeDocument
    tls: str
    """The TLS version over which it came; empty without."""
    outcome: tuple[OutcomeDocument, ...]
