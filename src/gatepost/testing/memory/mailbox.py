"""The mailbox in memory. Nothing survives."""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal

from gatepost.model.message import StoredMessage
from gatepost.queue.mailbox_contract import (
    ArrivedAfter,
    Condition,
    Contains,
    HasId,
    HasKey,
    HasTag,
    InboxCount,
    InInbox,
    Is,
    Larger,
    ListedEntry,
    MailboxCount,
    MailboxEntry,
    MailboxPage,
    ReceivedBefore,
    Terms,
)
from gatepost.queue.reports_contract import Unread

_KINDS: tuple[Literal["application", "lane", "username"], ...] = "application", "lane", "username"


class MemoryMailbox:
    """Implements ``MailboxStore``; ``add`` must be called for each message.

    ``stored`` contains the ids of the messages that were not deleted.
    """

    def __init__(self, stored: Container[str]) -> None:
        self._stored = stored
        self._cursor = 0
        self._messages: list[Unread] = []
        self._recorded: dict[str, MailboxEntry] = {}
        self._on_commit: Callable[[], None] | None = None

    def add(self, message: StoredMessage) -> None:
        """Note that a message was stored."""
        self._messages.append(Unread(len(self._messages) + 1, message))
        if self._on_commit is not None:
            self._on_commit()

    def watch(self, on_commit: Callable[[], None] | None) -> None:
        self._on_commit = on_commit

    async def newest(self) -> int:
        return len(self._messages)

    async def cursor(self) -> int:
        return self._cursor

    async def read_on(self, limit: int, after: int = 0) -> Sequence[Unread]:
        behind = self._messages[max(self._cursor, after) :]
        missing = [each for each in behind if each.message.id not in self._recorded]
        return [each for each in missing if each.message.id in self._stored][:limit]

    async def record(self, cursor: int, entries: Iterable[MailboxEntry]) -> None:
        for each in entries:
            if each.id in self._stored:
                self._recorded.setdefault(each.id, each)
        self._cursor = max(self._cursor, cursor)

    async def page(self, terms: Terms, limit: int | None = None, start: int = 0) -> MailboxPage:
        entries = self._matching(terms)
        end = None if limit is None else start + max(0, limit)
        return MailboxPage([_listed(each) for each in entries[start:end]], _count(entries))

    async def prepare_search(self) -> int:
        return 0

    async def count(self, terms: Terms = ()) -> MailboxCount:
        return _count(self._matching(terms))

    async def ids(self, terms: Terms) -> Sequence[str]:
        return [each.id for each in self._matching(terms)]

    async def mark(self, terms: Terms, *, is_read: bool) -> Sequence[str]:
        changed = [each for each in self._matching(terms) if each.is_read != is_read]
        for each in changed:
            self._recorded[each.id] = replace(each, is_read=is_read)
        return [each.id for each in changed]

    async def set_tags(self, ids: Iterable[str], tags: Iterable[str]) -> Sequence[str]:
        known, value = {each.id: each for each in self._entries()}, tuple(sorted(tags))
        existing = [each for each in dict.fromkeys(ids) if each in known]
        for each in existing:
            self._recorded[each] = replace(known[each], tags=value)
        return existing

    async def replace_tag(self, tag: str, by: str | None, terms: Terms = ()) -> Sequence[str]:
        tagged = [each for each in self._matching(terms) if tag in each.tags]
        for each in tagged:
            left = {*each.tags} - {tag} | ({by} if by is not None else set())
            self._recorded[each.id] = replace(each, tags=tuple(sorted(left)))
        return [each.id for each in tagged]

    async def tags(self, terms: Terms = ()) -> Mapping[str, int]:
        counts = Counter(tag for each in self._matching(terms) for tag in each.tags)
        return {tag: counts[tag] for tag in sorted(counts, key=lambda each: (each.lower(), each))}

    async def inboxes(self) -> Sequence[InboxCount]:
        inboxes: dict[tuple[Literal["application", "lane", "username"], str], list[MailboxEntry]]
        inboxes = {}
        for entry in self._entries():
            for kind in _KINDS:
                if name := getattr(entry, kind):
                    inboxes.setdefault((kind, name), []).append(entry)
        return [
            InboxCount(*key, _count(some), max(each.received_at for each in some))
            for key, some in sorted(inboxes.items(), key=lambda each: each[0])
        ]

    def _entries(self) -> Sequence[MailboxEntry]:
        """Return the entries of messages that exist, newest first."""
        existing = [each for each in self._recorded.values() if each.id in self._stored]
        return sorted(existing, key=lambda each: each.seq, reverse=True)

    def _matching(self, terms: Terms) -> Sequence[MailboxEntry]:
        return [
            entry
            for entry in self._entries()
            if all(_is_true(each.condition, entry) != each.is_negated for each in terms)
        ]


def _is_true(condition: Condition, entry: MailboxEntry) -> bool:
    match condition:
        case Contains(fields, text):
            return any(text in entry.texts.get(each, "") for each in fields)
        case HasKey(key):
            return key in entry.keys
        case HasTag(tag):
            return tag in entry.tags
        case InInbox(kind, name):
            return bool(getattr(entry, kind) == name)
        case Is(property_):
            return _PROPERTIES[property_](entry)
        case Larger(size):
            return entry.size > size
        case ReceivedBefore(at):
            return entry.received_at < at
        case ArrivedAfter(seq):
            return entry.seq > seq
        case HasId(ids):
            return entry.id in ids


_PROPERTIES: Final[Mapping[str, Callable[[MailboxEntry], bool]]] = {
    "read": lambda entry: entry.is_read,
    "tagged": lambda entry: bool(entry.tags),
    "with_attachments": lambda entry: entry.attachments > 0,
    "with_inlines": lambda entry: entry.inlines > 0,
}


def _count(entries: Sequence[MailboxEntry]) -> MailboxCount:
    return MailboxCount(len(entries), sum(not each.is_read for each in entries))


def _listed(entry: MailboxEntry) -> ListedEntry:
    return ListedEntry(
        entry.seq,
        entry.id,
        entry.received_at,
        entry.size,
        entry.is_read,
        tuple(sorted(entry.tags)),
        entry.lane,
        entry.summary,
    )
