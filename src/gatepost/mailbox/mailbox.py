"""Captured mail as its readers use it: inboxes with their messages, marks and tags."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Final, Literal

from gatepost.mailbox.contents import ReadMessage
from gatepost.mailbox.entries import FactSource
from gatepost.mailbox.indexer import RECENT, Demand, Indexer, MailStore
from gatepost.mailbox.query import Query, read_query
from gatepost.mailbox.tags import clean_tag, clean_tags
from gatepost.mailbox.waiting import WaitingRequests
from gatepost.model.operator_event import ReportEvent
from gatepost.queue.mailbox_contract import (
    ArrivedAfter,
    HasId,
    InboxCount,
    InInbox,
    ListedEntry,
    MailboxCount,
    MailboxEntry,
    MailboxPage,
    ReceivedBefore,
    Term,
    Terms,
)

_CURSOR: Final = "c"
MOST_EARLY: Final = 10_000
"""Messages that wait for older ones before listeners are told of them; more are told at once."""
Change = Literal["message", "message_changed", "message_deleted"]


class BadCursor(ValueError):
    """A cursor that this mailbox has not given."""


@dataclass(frozen=True, slots=True)
class MailboxChange:
    """What happened to messages."""

    kind: Change
    ids: tuple[str, ...]
    """Empty: all messages, or all of a lane."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages a request wants, and for how many it waits."""

    terms: Terms = ()
    start: int = 0
    limit: int | None = None
    seconds: float = 0.0
    """How long it waits."""
    at_least: int = 1
    """For how many matching messages it waits."""
    recent: int = RECENT
    """How many of the newest messages must be listed; it waits a little for their entries."""

    @property
    def after(self) -> int | None:
        """The ``seq`` after which messages are wanted; None: of any time."""
        conditions = [each.condition for each in self.terms if not each.is_negated]
        return max((e.seq for e in conditions if isinstance(e, ArrivedAfter)), default=None)


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page, the numbers of its whole inbox, and whether a wait ended before enough matched."""

    page: MailboxPage
    inbox: MailboxCount
    cursor: str
    has_timed_out: bool = False
    unlisted: int = 0
    """About how many messages of the mailbox have no entry yet: they will be listed later."""


@dataclass(slots=True)
class MailboxCounters:
    """What has happened since the start."""

    deleted: int = 0
    arrived: int = 0
    arrived_octets: int = 0


class Mailbox:
    """The captured mail of a store. Call ``start`` once before use, and ``close`` at the end."""

    def __init__(self, store: MailStore, facts: FactSource) -> None:
        self.store, self.facts_of = store, facts
        self.indexer = Indexer(store, facts, self.spell_tags, self._note_entries)
        self.waiting = WaitingRequests()
        self.counters = MailboxCounters()
        self.listeners: set[Callable[[MailboxChange], None]] = set()
        """Called after each change, in the event loop: they must be quick. Messages of this run
        are told in the order of acceptance."""
        self._early: dict[str, int] = {}
        """The ``seq`` of messages that were listed before older ones of this run, which are told
        first."""
        self._spelling: dict[str, str] = {}
        """Tags by their name in lower case."""
        self._indexing: asyncio.Task[None] | None = None

    async def start(self, report: ReportEvent) -> None:
        """Begin to index."""
        for tag in await self.store.mailbox.tags():
            self._spelling.setdefault(tag.lower(), tag)
        await self.indexer.load()
        self._indexing = asyncio.create_task(self.indexer.run(report))

    async def close(self) -> None:
        """Stop indexing."""
        if self._indexing is not None:
            self._indexing.cancel()
            with suppress(asyncio.CancelledError):
                await self._indexing

    def everything(self) -> "Inbox":
        """Return the inbox with all messages."""
        return Inbox(self)

    def inbox(self, kind: Literal["application", "username", "lane"], name: str) -> "Inbox":
        """Return an inbox, which may be empty."""
        return Inbox(self, (Term(InInbox(kind, name)),))

    async def inboxes(self) -> Sequence[InboxCount]:
        """Return the inboxes of applications, user names and lanes that have messages."""
        await self.indexer.catch_up()
        return await self.store.mailbox.inboxes()

    async def has_unlisted(self, ids: frozenset[str]) -> bool:
        """Tell whether one of these messages exists, but has no entry yet."""
        listed = await self.store.mailbox.ids((Term(HasId(ids)),))
        for id_ in ids.difference(listed):
            with suppress(KeyError):
                await self.store.get(id_)
                return True
        return False

    def spell(self, tag: str) -> str:
        """Return a tag as it is spelled in the mailbox."""
        return self._spelling.get(tag.lower(), tag)

    def spell_tags(self, tags: Iterable[str]) -> tuple[str, ...]:
        """Return valid names of tags, and remember those that are new."""
        return tuple([self._spelling.setdefault(each.lower(), each) for each in clean_tags(tags)])

    def respell(self, tag: str) -> None:
        """Remember a new spelling of a tag."""
        self._spelling[tag.lower()] = tag

    def tell(self, kind: Change, ids: Iterable[str]) -> None:
        """Tell listeners of a change."""
        ids = tuple(ids)
        if kind == "message_deleted" and self._early:
            for each in ids or tuple(self._early):
                self._early.pop(each, None)
        for listener in tuple(self.listeners):
            listener(MailboxChange(kind, ids))

    def _note_entries(self, entries: Sequence[MailboxEntry]) -> None:
        self.counters.arrived += len(entries)
        self.counters.arrived_octets += sum(each.size for each in entries)
        early = self._early
        early |= {each.id: each.seq for each in entries}
        end = self.indexer.in_order if len(early) <= MOST_EARLY else max(early.values())
        due = sorted((seq, id_) for id_, seq in early.items() if seq <= end)
        for _, id_ in due:
            del early[id_]
        if due:
            self.tell("message", [id_ for _, id_ in due])


@dataclass(frozen=True, slots=True)
class Inbox:
    """A part of the mailbox: every operation sees only its messages."""

    mailbox: Mailbox
    scope: Terms = field(default=())

    def read_query(self, text: str, zone: tzinfo = UTC) -> Query:
        """Return what a query asks for. Raises BadQuery."""
        return read_query(text, zone, self.mailbox.spell)

    async def find(self, wanted: Wanted) -> FoundPage:
        """Return messages; waits until enough match, or its time has passed.

        Raises TooManyWaiters.
        """
        indexer = self.mailbox.indexer
        if wanted.seconds <= 0:
            await indexer.catch_up(wanted.recent, wanted.after)
            return await self._page(wanted)
        with self.mailbox.waiting.slot(), indexer.demanding() as demand:
            try:
                async with asyncio.timeout(wanted.seconds):
                    await indexer.catch_up(wanted.recent, wanted.after)
                    while True:
                        progress, _ = indexer.progress(), demand.take()
                        count = await self._count(wanted.terms)
                        if count.messages >= wanted.at_least:
                            return await self._page(wanted)
                        await self._wait_for_more(progress, demand, wanted)
            except TimeoutError:
                return await self._page(wanted, has_timed_out=True)

    async def _wait_for_more(
        self, progress: "asyncio.Future[None]", demand: Demand, wanted: Wanted
    ) -> None:
        """Wait for new entries that match; only these are compared."""
        while True:
            await progress
            progress = self.mailbox.indexer.progress()
            if (await self._count((*wanted.terms, with_ids(demand.take())))).messages:
                return

    async def _count(self, terms: Terms = ()) -> MailboxCount:
        return await self.mailbox.store.mailbox.count(self.scope + terms)

    async def _page(self, wanted: Wanted, *, has_timed_out: bool = False) -> FoundPage:
        mailbox, indexer = self.mailbox.store.mailbox, self.mailbox.indexer
        newest, front = await mailbox.newest(), indexer.front
        terms = self.scope + wanted.terms
        if wanted.after is not None:  # all up to the cursor, and none behind it, or it comes twice
            front = max(front, min(wanted.after, newest))
            terms += (Term(ArrivedAfter(front), is_negated=True),)
        page = await mailbox.page(terms, wanted.limit, wanted.start)
        inbox = await self._count() if wanted.terms else page.matching
        unlisted = indexer.count_missing(newest)
        return FoundPage(page, inbox, f"{_CURSOR}{front}", has_timed_out, unlisted)

    async def count(self, recent: int = RECENT) -> MailboxCount:
        """Count the messages of this inbox; ``recent`` is as in Wanted."""
        await self.mailbox.indexer.catch_up(recent)
        return await self._count()

    async def newest(self, wanted: Wanted) -> ListedEntry:
        """Return the newest message that matches; waits for it as ``find`` does.

        Raises KeyError, TooManyWaiters.
        """
        found = await self.find(Wanted(wanted.terms, 0, 1, wanted.seconds, wanted.at_least))
        if found.has_timed_out or not found.page.entries:
            raise KeyError("latest")
        return found.page.entries[0]

    async def entry(self, id_: str) -> ListedEntry:
        """Return a message's entry. Raises KeyError."""
        terms = (*self.scope, Term(HasId(frozenset({id_}))))
        page = await self.mailbox.store.mailbox.page(terms, 1)
        if not page.entries:
            await self._list_all(terms)
            page = await self.mailbox.store.mailbox.page(terms, 1)
        if not page.entries:
            raise KeyError(id_)
        return page.entries[0]

    async def read(self, id_: str) -> ReadMessage:
        """Return the contents of a message, parsed when they are needed. Raises KeyError."""
        store = self.mailbox.store
        message, body = await store.get(id_), await store.body(id_)
        content = await asyncio.to_thread(lambda: b"".join(body.chunks()))
        return ReadMessage(message, content)

    async def _list_all(self, terms: Terms) -> None:
        """Wait until all messages that may match are listed."""
        wanted = [
            each.condition.ids
            for each in terms
            if isinstance(each.condition, HasId) and not each.is_negated
        ]
        if not wanted or await self.mailbox.has_unlisted(frozenset[str]().union(*wanted)):
            await self.mailbox.indexer.complete()

    async def ids(self, terms: Terms = ()) -> Sequence[str]:
        """Return the ids of matching messages, newest first."""
        await self._list_all(terms)
        return await self.mailbox.store.mailbox.ids(self.scope + terms)

    async def mark(self, terms: Terms = (), *, is_read: bool) -> None:
        """Mark matching messages as read or unread."""
        await self._list_all(terms)
        changed = await self.mailbox.store.mailbox.mark(self.scope + terms, is_read=is_read)
        self._tell_changed(changed)

    async def delete(self, terms: Terms = ()) -> int:
        """Delete matching messages; return how many."""
        store, everything = self.mailbox.store, not self.scope and not terms
        ids = None if everything else await self.ids(terms)
        if ids is not None and not ids:
            return 0
        deleted = await store.delete(ids)
        self.mailbox.counters.deleted += deleted
        self.mailbox.tell("message_deleted", ids or ())
        return deleted

    async def tags(self) -> Mapping[str, int]:
        """Return the tags of this inbox, with the number of messages of each."""
        return await self.mailbox.store.mailbox.tags(self.scope)

    async def set_tags(self, ids: Iterable[str], tags: Iterable[str]) -> None:
        """Replace the tags of messages."""
        existing = await self.ids((Term(HasId(frozenset(ids))),))
        names = self.mailbox.spell_tags(tags)
        self._tell_changed(await self.mailbox.store.mailbox.set_tags(existing, names))

    async def rename_tag(self, tag: str, name: str) -> None:
        """Rename a tag. Raises ValueError for an invalid name, KeyError if nothing has the tag."""
        new = clean_tag(name)
        if not new:
            raise ValueError("the tag has no valid name")
        old = self.mailbox.spell(tag)
        if new.lower() != old.lower():
            [new] = self.mailbox.spell_tags([new])
        await self._replace_tag(old, new)
        self.mailbox.respell(new)

    async def delete_tag(self, tag: str) -> None:
        """Remove a tag from all messages. Raises KeyError if none has it."""
        await self._replace_tag(self.mailbox.spell(tag), None)

    def after(self, cursor: str) -> Term:
        """Return the term for later arrivals than a cursor's. Raises BadCursor."""
        number = cursor.removeprefix(_CURSOR)
        if not cursor.startswith(_CURSOR) or not number.isascii() or not number.isdecimal():
            raise BadCursor(f"not a cursor of this mailbox: {cursor[:40]!r}")
        return Term(ArrivedAfter(min(int(number[:18]), (1 << 62))))

    async def _replace_tag(self, old: str, new: str | None) -> None:
        changed = await self.mailbox.store.mailbox.replace_tag(old, new, self.scope)
        if not changed:
            raise KeyError(old)
        self._tell_changed(changed)

    def _tell_changed(self, ids: Sequence[str]) -> None:
        if ids:
            self.mailbox.tell("message_changed", ids)


def received_before(at: datetime) -> Term:
    """Return the term for messages that were received before a time."""
    return Term(ReceivedBefore(at))


def with_ids(ids: Iterable[str]) -> Term:
    """Return the term for these messages."""
    return Term(HasId(frozenset(ids)))
