"""Messages as Gatepost's own JSON shows them (``docs/reference/json.md``): the command line and the
API print the same keys."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from gatepost.model.message import StoredMessage
from gatepost.model.report import message_guid
from gatepost.queue.message_selection import decode_subject

if TYPE_CHECKING:  # a command that lists mail parses none
    from gatepost.mailbox.contents import ReadMessage
    from gatepost.mailbox.entries import MessageFacts
    from gatepost.mime.part_tree import Part
    from gatepost.mime.readable_contents import Contents
    from gatepost.queue.mailbox_contract import ListedEntry


class MessageInList(msgspec.Struct, frozen=True, kw_only=True):
    """A message without its content."""

    id: str
    received_at: str
    """RFC 3339, in UTC."""
    mail_from: str
    """Empty: the null sender."""
    rcpt_to: tuple[str, ...]
    subject: str
    """Decoded."""
    message_id: str
    size: int
    """Octets of the client's message."""
    principal: str
    """Who signed in; empty: nobody."""


class AttachmentInMessage(msgspec.Struct, frozen=True):
    """A part that is not one of the texts."""

    filename: str
    content_type: str
    content_id: str
    size: int
    """Octets, decoded."""


class MessageInFull(MessageInList, frozen=True, kw_only=True):
    """A message with its content."""

    headers: dict[str, str]
    """Decoded values by name; those of a repeated field are separated by line ends."""
    text: str | None
    html: str | None
    attachments: tuple[AttachmentInMessage, ...]
    azure_message_id: str
    """The id in delivery reports."""


class MailboxMessage(MessageInList, frozen=True, kw_only=True):
    """A message in a list of the mailbox."""

    read: bool
    tags: tuple[str, ...]
    lane: str
    """The lane over which it came; empty: none."""


class CodeInMessage(msgspec.Struct, frozen=True):
    """A number that is probably a one-time code."""

    value: str
    where: str
    """``text``, ``html`` or ``subject``."""
    score: float
    """From 0 to 1."""
    context: str


class LinkInMessage(msgspec.Struct, frozen=True):
    """A link, with the texts that lead to it."""

    url: str
    text: str
    where: str
    """``text`` or ``html``."""


class OutcomeOfRecipient(msgspec.Struct, frozen=True):
    """How delivery to a recipient ends, as delivery reports say it."""

    recipient: str
    status: str


class MailboxMessageInFull(MessageInFull, frozen=True, kw_only=True):
    """A message of the mailbox with its content."""

    read: bool
    tags: tuple[str, ...]
    lane: str
    application: str
    """The name of the application that sent it; empty: none."""
    session: str
    """The session in which it was received; empty: it is not recorded."""
    injected: tuple[str, ...]
    """The rules of scripted failures that applied to it."""
    outcomes: tuple[OutcomeOfRecipient, ...]
    codes: tuple[CodeInMessage, ...]
    links: tuple[LinkInMessage, ...]


class ReleasedMessage(msgspec.Struct, frozen=True):
    """A captured message that was sent on."""

    released: str
    """Its id."""
    to: tuple[str, ...]
    queued: str
    """The id of what waits for delivery."""


ReleaseMessage = Callable[[str, Sequence[str]], Awaitable[ReleasedMessage]]
"""Sends a captured message to addresses. Raises KeyError, ValueError and QueueError."""


class PartInTree(msgspec.Struct, frozen=True):
    """A part of a message, with the parts in it."""

    id: str
    content_type: str
    disposition: str
    """``attachment``, ``inline``, or empty."""
    filename: str
    content_id: str
    size: int
    """Octets of its own content, decoded."""
    parts: "tuple[PartInTree, ...]"


def message_in_list(message: StoredMessage) -> MessageInList:
    """Return the document of a message in a list."""
    return MessageInList(**_fields(message))


def message_in_full(message: StoredMessage, contents: "Contents") -> MessageInFull:
    """Return the document of a message with its content."""
    return MessageInFull(**_fields(message), **_content_fields(message, contents))


def mailbox_message(entry: "ListedEntry", message: StoredMessage) -> MailboxMessage:
    """Return the document of a message in a list of the mailbox."""
    return MailboxMessage(**_fields(message), read=entry.is_read, tags=entry.tags, lane=entry.lane)


def mailbox_message_in_full(
    entry: "ListedEntry", read: "ReadMessage", facts: "MessageFacts"
) -> MailboxMessageInFull:
    """Return the document of a message of the mailbox with its content."""
    message = read.message
    return MailboxMessageInFull(
        **_fields(message),
        **_content_fields(message, read.contents),
        read=entry.is_read,
        tags=entry.tags,
        lane=entry.lane,
        application=facts.application,
        session=facts.session,
        injected=facts.injected,
        outcomes=tuple([OutcomeOfRecipient(*each) for each in facts.outcomes]),
        codes=tuple(
            [
                CodeInMessage(each.value, each.where, round(each.score, 2), each.context)
                for each in read.codes
            ]
        ),
        links=tuple([LinkInMessage(each.url, each.text, each.where) for each in read.links]),
    )


def part_in_tree(part: "Part") -> PartInTree:
    """Return the document of a part and of those in it."""
    return PartInTree(
        part.id,
        part.content_type,
        part.disposition,
        part.filename,
        part.content_id,
        len(part.content),
        tuple(map(part_in_tree, part.parts)),
    )


def _fields(message: StoredMessage) -> dict[str, Any]:
    return {
        "id": message.id,
        "received_at": message.received_at.isoformat().replace("+00:00", "Z"),
        "mail_from": _whole(message.mail_from),
        "rcpt_to": tuple(map(_whole, message.rcpt_to)),
        "subject": decode_subject(message.subject),
        "message_id": _whole(message.message_id),
        "size": message.size,
        "principal": _whole(message.principal),
    }


def _content_fields(message: StoredMessage, contents: "Contents") -> dict[str, Any]:
    headers: dict[str, str] = {}
    for name, value in contents.fields:
        headers[name] = f"{headers[name]}\n{value}" if name in headers else value
    return {
        "headers": headers,
        "text": contents.text,
        "html": contents.html,
        "attachments": tuple(
            [
                AttachmentInMessage(each.filename, each.content_type, each.content_id, each.size)
                for each in contents.attachments
            ]
        ),
        "azure_message_id": message_guid(message.id, message.received_at),
    }


def _whole(text: str) -> str:
    """Return text for JSON: octets that are not UTF-8 become replacement characters."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
