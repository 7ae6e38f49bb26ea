"""The entry of a message: what lists show of it, and what searches compare."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from gatepost.mailbox.codes import unique_values
from gatepost.mailbox.contents import ReadMessage
from gatepost.mailbox.folding import fold_beginning
from gatepost.mailbox.mailpit_documents import AddressDocument, ListedMessage, timestamp
from gatepost.mailbox.query import exact_key
from gatepost.mime.decoded_fields import readable
from gatepost.model.message import StoredMessage
from gatepost.queue.mailbox_contract import ListedEntry, MailboxEntry, SearchField

LONGEST_FIELD: Final = 4_000
"""Maximum characters of a header text that searches compare."""
LONGEST_WORDS: Final = 100_000
"""Maximum characters of all texts that searches compare."""
MOST_KEYS: Final = 1_200
MOST_INJECTED: Final = 10
"""Rules that a list shows of a message."""
_APART: Final = "\x1e"
"""Separates texts, so that no word matches the end of one and the beginning of the next."""
_NULL_SENDER: Final = "<>"


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """What others know of a message that its octets do not say."""

    application: str = ""
    """The name of the application that sent it."""
    application_id: str = ""
    lane: str = ""
    """The lane over which it came."""
    session: str = ""
    """The id of the session in which it was received."""
    injected: tuple[str, ...] = ()
    """The rules of scripted failures that applied to it."""
    outcomes: tuple[tuple[str, str], ...] = ()
    """Recipients, and the status that delivery reports have of them."""


class FactSource(Protocol):
    """Knows more about messages than is in them."""

    def __call__(self, message: StoredMessage) -> MessageFacts:
        """Return what is known now."""


def make_entry(seq: int, read: ReadMessage, trace: int, facts: MessageFacts) -> MailboxEntry:
    """Return the entry of the message number ``seq``; ``trace``: octets of its trace fields."""
    message = read.message
    inline, attached = read.files
    listed = ListedMessage(
        id=message.id,
        message_id=read.message_id,
        read=False,
        from_=read.sender,
        to=read.addresses("to"),
        cc=read.addresses("cc"),
        bcc=read.bcc,
        reply_to=read.addresses("reply-to"),
        subject=read.field("subject"),
        created=timestamp(message.received_at),
        username=readable(message.principal),
        tags=(),
        size=message.size + trace,
        attachments=len(attached),
        snippet=read.snippet,
        application=facts.application,
        inbox=facts.lane,
        injected=facts.injected[:MOST_INJECTED],
        statuses=tuple(sorted({status for _, status in facts.outcomes})),
    )
    texts: dict[SearchField, str] = {
        "from": _folded(_names_and_addresses(read.addresses("from")), LONGEST_FIELD),
        "to": _folded(_names_and_addresses(listed.to), LONGEST_FIELD),
        "cc": _folded(_names_and_addresses(listed.cc), LONGEST_FIELD),
        "bcc": _folded(_names_and_addresses(listed.bcc), LONGEST_FIELD),
        "reply_to": _folded(_names_and_addresses(listed.reply_to), LONGEST_FIELD),
        "subject": fold_beginning(listed.subject, LONGEST_FIELD),
        "message_id": fold_beginning(listed.message_id, LONGEST_FIELD),
        "words": _folded(read.words(), LONGEST_WORDS),
    }
    return MailboxEntry(
        seq=seq,
        id=message.id,
        received_at=message.received_at,
        size=listed.size,
        summary=msgspec.json.encode(listed).decode(),
        texts=texts,
        keys=frozenset(list(dict.fromkeys(_keys(read, facts)))[:MOST_KEYS]),
        application=facts.application_id,
        username=listed.username,
        lane=facts.lane,
        attachments=len(attached),
        inlines=len(inline),
        tags=read.tags,
    )


def listed_message(entry: ListedEntry) -> ListedMessage:
    """Return what a list shows of an entry now."""
    listed = msgspec.json.decode(entry.summary, type=ListedMessage)
    return msgspec.structs.replace(listed, read=entry.is_read, tags=entry.tags)


def _keys(read: ReadMessage, facts: MessageFacts) -> Iterator[str]:
    message = read.message
    yield exact_key("mail-from", message.mail_from or _NULL_SENDER)
    yield from _exact("user", [message.principal])
    yield from _exact("app", [facts.application, facts.application_id])
    yield from _exact("session", [facts.session])
    yield from _exact("injected", facts.injected)
    yield from _exact("status", [status for _, status in facts.outcomes])
    yield from _exact("code", unique_values(read.codes))
    yield from _exact("rcpt", message.rcpt_to)


def _exact(name: str, values: Iterable[str]) -> Iterator[str]:
    for value in values:
        if value:
            yield exact_key(name, value)


def _names_and_addresses(mailboxes: Sequence[AddressDocument]) -> Iterator[str]:
    return (f"{each.name} {each.address}" for each in mailboxes)


def _folded(texts: Iterable[str], most: int) -> str:
    """Return the beginnings of texts, folded and apart, with ``most`` characters together."""
    folded: list[str] = []
    left = most
    for text in texts:
        if left <= 0:
            break
        folded.append(fold_beginning(text, left))
        left -= len(folded[-1]) + len(_APART)
    return _APART.join(folded)[:most]
