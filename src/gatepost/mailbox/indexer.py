"""Records an entry for each committed message, behind a durable cursor.

Accepting mail does not wait for it, and hardly shares the processor with it: while mail arrives and
nobody asks for it, the indexer rests most of the time. A request lets it catch up.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final, Protocol

from gatepost.errors import GatepostError
from gatepost.mailbox.contents import ReadMessage
from gatepost.mailbox.entries import FactSource, make_entry
from gatepost.model.body import WINDOW
from gatepost.model.operator_event import ReportEvent
from gatepost.queue.mailbox_contract import MailboxEntry, MailboxStore
from gatepost.queue.reports_contract import Unread
from gatepost.queue.store_contract import Store
from gatepost.relay.safe_error_text import explain

BATCH: Final = 20
"""Messages per commit."""
PATIENCE: Final = 3.0
"""Seconds that a request waits for it to catch up."""
QUIET: Final = 0.05
"""Seconds without mail after which the indexer need not rest."""
REST: Final = 30
"""How many times as long as a batch took it rests then."""
SMALL: Final = WINDOW // 4
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
        self._demands = 0
        self._progress: asyncio.Future[None] | None = None
        self._arrived_at = 0.0
        self.cursor = 0
        """The ``seq`` up to which messages have their entries."""

    async def load(self) -> None:
        """Read the cursor; call it before anything else."""
        self.cursor = await self._store.mailbox.cursor()

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
        finally:
            mailbox.watch(None)

    async def catch_up(self) -> None:
        """Wait until what was committed before this call has its entries, for a limited time."""
        newest = await self._store.mailbox.newest()
        if self.cursor >= newest:
            return
        with self.demanding(), suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while self.cursor < newest:
                    await self.progress()

    def demanding(self) -> "_Demand":
        """Return a context in which the indexer does not rest."""
        return _Demand(self)

    def progress(self) -> "asyncio.Future[None]":
        """Return a future that is done after the next commit of entries."""
        if self._progress is None:
            self._progress = asyncio.get_running_loop().create_future()
        return asyncio.shield(self._progress)

    def change_demand(self, by: int) -> None:
        """Note that somebody begins or ceases to wait."""
        self._demands += by
        if self._demands:
            self._demanded.set()
        else:
            self._demanded.clear()

    async def _catch_up(self, report: ReportEvent) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began, newest = loop.time(), await self._store.mailbox.newest()
            unread = await self._store.mailbox.read_on(BATCH)
            if not unread:
                if newest > self.cursor:  # those between were deleted
                    await self._record(newest, ())
                return
            entries = [
                entry for each in unread if (entry := await self._entry(each, report)) is not None
            ]
            await self._record(unread[-1].seq, entries)
            now = loop.time()
            if now - self._arrived_at < QUIET and not self._demands:
                await self._rest((now - began) * REST)

    async def _record(self, cursor: int, entries: Sequence[MailboxEntry]) -> None:
        await self._store.mailbox.record(cursor, entries)
        self.cursor = max(self.cursor, cursor)
        self._on_entries(entries)
        if self._progress is not None:
            self._progress.set_result(None)
            self._progress = None

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._demanded.wait()

    async def _entry(self, unread: Unread, report: ReportEvent) -> MailboxEntry | None:
        """Return the entry of a message; None if it was deleted meanwhile, or its content lost."""
        message = unread.message
        try:
            body = await self._store.body(message.id)
            trace = await self._store.trace(message.id)
        except KeyError:
            return None
        facts = self._facts(message)

        def make() -> MailboxEntry:
            try:
                content = b"".join(body.chunks())
            except (OSError, GatepostError):  # damaged: its envelope is shown nevertheless
                content = b""
            return make_entry(unread.seq, ReadMessage(message, content), len(trace), facts)

        try:
            entry = make() if body.size <= SMALL else await asyncio.to_thread(make)
        except Exception as error:  # noqa: BLE001 - one message must not end the listing of others
            report("mailbox_unreadable", id=message.id, reason=explain(error))
            entry = make_entry(unread.seq, ReadMessage(message, b""), len(trace), facts)
        return replace(entry, tags=self._spell_tags(entry.tags)) if entry.tags else entry


class _Demand:
    def __init__(self, indexer: Indexer) -> None:
        self._indexer = indexer

    def __enter__(self) -> None:
        self._indexer.change_demand(1)

    def __exit__(self, *_: object) -> None:
        self._indexer.change_demand(-1)
