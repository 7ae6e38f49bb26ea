"""What a store keeps for the mailbox. ``tests/contract/test_mailbox.py`` is the specification.

An indexer reads committed messages behind a durable cursor, and records an entry for each: what a
list shows and what a search compares, so that neither parses mail. Only the read mark and the tags
of an entry change later. An entry is deleted with its message.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from gatepost.queue.reports_contract import Unread

SearchField = Literal["from", "to", "cc", "bcc", "reply_to", "subject", "message_id", "words"]
"""A folded text of an entry; ``words`` has the others and the text of the message."""


@dataclass(frozen=True, slots=True)
class MailboxEntry:
    """What is derived of a message, once. Texts and keys are folded (``mailbox.folding``)."""

    seq: int
    """Its place in the order of acceptance, as in ``Unread``."""
    id: str
    received_at: datetime
    size: int
    """Octets of the message with its trace fields."""
    summary: str
    """A JSON object for lists. The store does not read it."""
    texts: Mapping[SearchField, str]
    keys: frozenset[str] = frozenset()
    """What exact terms compare, such as ``rcpt:bob@example.net``. Without control characters."""
    application: str = ""
    username: str = ""
    lane: str = ""
    attachments: int = 0
    inlines: int = 0
    tags: tuple[str, ...] = ()
    is_read: bool = False


@dataclass(frozen=True, slots=True)
class Contains:
    """One of these texts contains ``text``, which is folded."""

    fields: tuple[SearchField, ...]
    text: str


@dataclass(frozen=True, slots=True)
class HasKey:
    """The entry has this key."""

    key: str


@dataclass(frozen=True, slots=True)
class HasTag:
    """The entry has this tag, in this spelling."""

    tag: str


@dataclass(frozen=True, slots=True)
class InInbox:
    """The message came from this application, with this user name, or over this lane."""

    kind: Literal["application", "username", "lane"]
    name: str


@dataclass(frozen=True, slots=True)
class Is:
    """A property of the entry."""

    property: Literal["read", "tagged", "with_attachments", "with_inlines"]


@dataclass(frozen=True, slots=True)
class Larger:
    """The message has more than so many octets."""

    size: int


@dataclass(frozen=True, slots=True)
class ReceivedBefore:
    """The message was received before this time."""

    at: datetime


@dataclass(frozen=True, slots=True)
class ArrivedAfter:
    """The message was accepted after the one with this ``seq``."""

    seq: int


@dataclass(frozen=True, slots=True)
class HasId:
    """The message is one of these."""

    ids: frozenset[str]


Condition = (
    Contains | HasKey | HasTag | InInbox | Is | Larger | ReceivedBefore | ArrivedAfter | HasId
)


@dataclass(frozen=True, slots=True)
class Term:
    """A condition that must hold or, if it is negated, must not."""

    condition: Condition
    is_negated: bool = False


Terms = tuple[Term, ...]
"""All must match; none: every entry matches."""


@dataclass(frozen=True, slots=True)
class MailboxCount:
    """Numbers of entries."""

    messages: int = 0
    unread: int = 0


@dataclass(frozen=True, slots=True)
class ListedEntry:
    """What a list shows of an entry."""

    seq: int
    id: str
    received_at: datetime
    size: int
    is_read: bool
    tags: tuple[str, ...]
    lane: str
    summary: str


@dataclass(frozen=True, slots=True)
class MailboxPage:
    """Some of the matching entries, newest first, and the number of all of them."""

    entries: Sequence[ListedEntry] = ()
    matching: MailboxCount = field(default_factory=MailboxCount)
    counted_all: bool = True
    """False: at least so many match, but to count the others would have taken too long."""


@dataclass(frozen=True, slots=True)
class InboxCount:
    """An application's, a user name's or a lane's inbox."""

    kind: Literal["application", "username", "lane"]
    name: str
    count: MailboxCount
    last_at: datetime


class MailboxStore(Protocol):
    """The mailbox of a store; every method is one commit or one read."""

    def watch(self, on_commit: Callable[[], None] | None) -> None:
        """Call this after each commit of mail, in any thread: it must be quick."""

    async def newest(self) -> int:
        """Return the ``seq`` of the newest message that was committed, even if it was deleted."""

    async def cursor(self) -> int:
        """Return the ``seq`` up to which messages have their entries."""

    async def read_on(self, limit: int, after: int = 0) -> Sequence[Unread]:
        """Return the next messages behind the cursor, and behind the one with the ``seq`` after,
        that have no entry yet, in the order of acceptance.

        Deleted messages are missing.
        """

    async def record(self, cursor: int, entries: Iterable[MailboxEntry]) -> None:
        """Write entries, which may be behind the cursor, and move it; entries of messages that were
        deleted are ignored."""

    async def page(self, terms: Terms, limit: int | None = None, start: int = 0) -> MailboxPage:
        """Return matching entries from number ``start`` on, at most ``limit``; None: all."""

    async def prepare_search(self) -> int:
        """Do a part of what makes later searches quick; return how many parts: 0 if none is
        left."""

    async def count(self, terms: Terms = ()) -> MailboxCount:
        """Count matching entries."""

    async def ids(self, terms: Terms) -> Sequence[str]:
        """Return the ids of matching entries, newest first."""

    async def mark(self, terms: Terms, *, is_read: bool) -> Sequence[str]:
        """Mark matching entries as read or unread; return the ids of those that changed."""

    async def set_tags(self, ids: Iterable[str], tags: Iterable[str]) -> Sequence[str]:
        """Replace the tags of these messages; return the ids of those that exist."""

    async def replace_tag(self, tag: str, by: str | None, terms: Terms = ()) -> Sequence[str]:
        """Replace a tag of matching entries by another, or remove it; return the ids of those that
        had it."""

    async def tags(self, terms: Terms = ()) -> Mapping[str, int]:
        """Return how many matching entries have each tag, in alphabetical order."""

    async def inboxes(self) -> Sequence[InboxCount]:
        """Return the inboxes with messages, by kind and name."""
