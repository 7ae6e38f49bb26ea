"""Records an entry for each committed message, behind a durable cursor.

Accepting mail does not wait for it, and hardly shares the processor with it: while mail arrives and
nobody asks for it, the indexer rests most of the time. A request lets it catch up. If many messages
have no entry yet, the indexer begins with those that the request waits for, the newest ones: then
there is a gap behind the cursor, which it fills afterwards.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final, Protocol, Self

from gatepost.errors import GatepostError
from gatepost.mailbox.contents import ReadMessage
from gatepost.mailbox.entries import FactSource, make_entry
from gatepost.model.body import Body
from gatepost.model.operator_event import ReportEvent
from gatepost.queue.mailbox_contract import MailboxEntry, MailboxStore
from gatepost.queue.reports_contract import Unread
from gatepost.queue.store_contract import Store
from gatepost.relay.safe_error_text import explain

BATCH: Final = 20
"""Messages per commit."""
RECENT: Final = 1_000
"""Messages of this run, the newest ones, for which every request waits; the others follow."""
FEW: Final = 50
"""The newest messages, for which every request waits, whenever they were received."""
PATIENCE: Final = 3.0
"""Seconds that a request waits for them."""
LONG_PATIENCE: Final = 60.0
"""Seconds that a request waits which must not miss any message."""
QUIET: Final = 0.05
"""Seconds without mail after which the indexer need not rest."""
REST: Final = 30
"""How many times as long as a batch took it rests then."""
SMALL: Final = 4_096
"""Octets of a message that the event loop reads itself; a thread reads larger ones."""


class MailStore(Store, Protocol):
    """A store with a mailbox."""

    @property
    def mailbox(self) -> MailboxStore:
        """What it keeps for the mailbox."""


class Indexer:
    """The only writer of entries. ``on_entries`` is called after each commit of some."""

    def __init__(
        self,
        store: MailStore,
        facts: FactSource,
        spell_tags: Callable[[Iterable[str]], tuple[str, ...]],
        on_entries: Callable[[Sequence[MailboxEntry]], None],
    ) -> None:
        self._store, self._facts = store, facts
        self._spell_tags, self._on_entries = spell_tags, on_entries
        self._rung = asyncio.Event()
        self._demanded = asyncio.Event()
        self._demands = set[Demand]()
        self._progress: asyncio.Future[None] | None = None
        self._arrived_at = 0.0
        self.cursor = 0
        """The ``seq`` up to which messages have their entries."""
        self._newer = (0, 0)
        """Behind which ``seq``, and up to which one, newer messages have theirs, too."""
        self._before = 0
        """The ``seq`` of the newest message of earlier runs."""
        self._reaching = 0
        """Number of requests that wait for certain messages."""

    @property
    def front(self) -> int:
        """The ``seq`` of the newest message of which it is known that it has its entry."""
        return max(self.cursor, self._newer[1])

    @property
    def in_order(self) -> int:
        """The ``seq`` up to which all messages of this run have their entries."""
        begin, end = self._newer
        reached = max(self.cursor, self._before)
        return max(reached, end) if begin <= reached else reached

    def count_missing(self, newest: int) -> int:
        """Return about how many messages up to ``newest`` have no entry yet."""
        begin, end = self._newer
        gap = max(0, begin - self.cursor) if end > self.cursor else 0
        return gap + max(0, newest - self.front)

    async def load(self) -> None:
        """Read the cursor; call it before anything else."""
        self.cursor = await self._store.mailbox.cursor()
        self._before = await self._store.mailbox.newest()

    async def run(self, report: ReportEvent) -> None:
        """Index new mail, until cancelled."""
        loop = asyncio.get_running_loop()
        mailbox = self._store.mailbox
        is_ringing = False

        def rung() -> None:
            nonlocal is_ringing
            is_ringing = False
            self._arrived_at = loop.time()
            self._rung.set()

        def ring() -> None:  # in the store's thread
            nonlocal is_ringing
            if not is_ringing:
                is_ringing = True
                with suppress(RuntimeError):  # the loop was closed
                    loop.call_soon_threadsafe(rung)

        mailbox.watch(ring)
        self._rung.set()
        try:
            while True:
                await self._rung.wait()
                self._rung.clear()
                try:
                    await self._catch_up(report)
                except GatepostError as error:
                    report("mailbox_delayed", reason=explain(error))
                    await asyncio.sleep(1.0)
                    self._rung.set()
                with suppress(GatepostError):  # then searches take longer
                    while not self._rung.is_set() and await mailbox.prepare_search():
                        pass
        finally:
            mailbox.watch(None)

    async def catch_up(self, recent: int = RECENT, after: int | None = None) -> None:
        """Wait, for a limited time, until messages that were committed before this call have their
        entries: those ``after`` a ``seq``, or the most ``recent`` ones."""
        newest = await self._store.mailbox.newest()
        if after is None:
            after = max(newest - recent, min(self._before, newest - FEW))
        await self._reach(max(self.cursor, after), newest, PATIENCE)

    async def complete(self) -> None:
        """Wait until all messages that were committed before this call have their entries."""
        await self._reach(self.cursor, await self._store.mailbox.newest(), LONG_PATIENCE)

    async def _reach(self, begin: int, end: int, patience: float) -> None:
        if self._has_listed(begin, end):
            return
        first, last = self._newer
        if begin < first or (begin > last and not self._reaching):
            self._newer = begin, begin
        self._reaching += 1
        try:
            with self.demanding(), suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    while not self._has_listed(begin, end):
                        await self.progress()
        finally:
            self._reaching -= 1

    def _has_listed(self, begin: int, end: int) -> bool:
        """Tell whether all messages behind ``begin`` and up to ``end`` have their entries."""
        first, last = self._newer
        return max(begin, self.cursor) >= end or (first <= max(begin, self.cursor) and end <= last)

    def demanding(self) -> "Demand":
        """Return a context in which the indexer does not rest."""
        return Demand(self._change_demands)

    def progress(self) -> "asyncio.Future[None]":
        """Return a future that is done after the next commit of entries."""
        if self._progress is None:
            self._progress = asyncio.get_running_loop().create_future()
        return asyncio.shield(self._progress)

    def _change_demands(self, demand: "Demand", *, begins: bool) -> None:
        if begins:
            self._demands.add(demand)
            self._demanded.set()
        else:
            self._demands.discard(demand)
            if not self._demands:
                self._demanded.clear()

    async def _catch_up(self, report: ReportEvent) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began, newest = loop.time(), await self._store.mailbox.newest()
            after = self.front if self._demands and self.front < newest else self.cursor
            unread = await self._store.mailbox.read_on(BATCH, after)
            contents = await asyncio.gather(*[self._content(each) for each in unread])
            entries = [
                await self._entry(each, *content, report)
                for each, content in zip(unread, contents, strict=True)
                if content is not None
            ]
            last = unread[-1].seq if unread else newest  # those between were deleted
            if last > after:
                await self._record(after, last, entries)
            elif after == self.cursor:
                return
            now = loop.time()
            if now - self._arrived_at < QUIET and not self._demands:
                await self._rest((now - began) * REST)

    async def _record(self, after: int, last: int, entries: Sequence[MailboxEntry]) -> None:
        """Record the entries of all messages behind ``after`` and up to ``last``."""
        cursor = max(self.cursor, last) if after <= self.cursor else self.cursor
        begin, end = self._extended(after, last)
        if begin <= cursor:
            cursor = max(cursor, end)
        await self._store.mailbox.record(cursor, entries)
        self.cursor, self._newer = cursor, self._extended(after, last)
        self._on_entries(entries)
        for each in self._demands:
            each.recorded += [entry.id for entry in entries]
        if self._progress is not None:
            self._progress.set_result(None)
            self._progress = None

    def _extended(self, after: int, last: int) -> tuple[int, int]:
        begin, end = self._newer
        return (begin, max(end, last)) if begin <= after <= end else self._newer

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._demanded.wait()

    async def _content(self, unread: Unread) -> tuple[Body, int] | None:
        """Return the body of a message, and the size of its trace fields; None if it was deleted
        meanwhile, or its content lost."""
        try:
            body = await self._store.body(unread.message.id)
            return body, len(await self._store.trace(unread.message.id))
        except KeyError:
            return None

    async def _entry(
        self, unread: Unread, body: Body, trace: int, report: ReportEvent
    ) -> MailboxEntry:
        message = unread.message
        facts = self._facts(message)

        def make() -> MailboxEntry:
            try:
                content = b"".join(body.chunks())
            except (OSError, GatepostError):  # damaged: its envelope is shown nevertheless
                content = b""
            return make_entry(unread.seq, ReadMessage(message, content), trace, facts)

        try:
            entry = make() if body.size <= SMALL else await asyncio.to_thread(make)
        except Exception as error:  # noqa: BLE001 - one message must not end the listing of others
            report("mailbox_unreadable", id=message.id, reason=explain(error))
            entry = make_entry(unread.seq, ReadMessage(message, b""), trace, facts)
        return replace(entry, tags=self._spell_tags(entry.tags)) if entry.tags else entry


class Demand:
    """A context in which somebody waits for entries."""

    def __init__(self, change: "_ChangeDemands") -> None:
        self._change = change
        self.recorded: list[str] = []
        """The ids of messages whose entries were recorded since it began, or since they were
        taken."""

    def take(self) -> frozenset[str]:
        """Return these ids once."""
        taken, self.recorded = frozenset(self.recorded), []
        return taken

    def __enter__(self) -> Self:
        self._change(self, begins=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._change(self, begins=False)


class _ChangeDemands(Protocol):
    def __call__(self, demand: Demand, *, begins: bool) -> None: ...
