"""The queue in SQLite: writes in the groups of the store thread, reads in the reader thread."""

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from gatepost.errors import QueueError, Unreadable
from gatepost.model.body import Body
from gatepost.model.delivery import Delivery, Lease, Planned, QueuedMessage, Settlement
from gatepost.model.message import Submission
from gatepost.model.route import NextHop
from gatepost.queue.deliveries_contract import (
    Action,
    Cursor,
    MessageOrigin,
    QueueCount,
    QueueSelection,
    SelectedSome,
    part_of,
)
from gatepost.queue.delivery_matcher import DeliveryMatcher
from gatepost.store.batched_actions import BatchedActions, Key
from gatepost.store.sqlite.damage import check_order, damage
from gatepost.store.sqlite.delivery_rows import delivery_of, queued_message
from gatepost.store.sqlite.delivery_writer import (
    SQL,
    DeliveryWriter,
    QueuePut,
    QueueSettle,
    find_keys,
)
from gatepost.store.sqlite.group_writes import ExtraWrite, Put, RunChange, WaitedWrite
from gatepost.store.sqlite.message_reader import PAGE_ROWS, RunRead
from gatepost.store.sqlite.queries import QUERIES as STORE
from gatepost.store.sqlite.queries import read_text
from gatepost.store.sqlite.retention import forget_settled
from gatepost.store.sqlite.segments import Segments, open_content
from gatepost.store.stored_values import microseconds, read_time

_LAST: Final = ((1 << 63) - 1, 0)


Accept = Callable[[Submission, Callable[..., Put]], "asyncio.Future[Any]"]
"""Passes a message, in the form of an operation, to the thread that writes its body."""


class SqliteDeliveries(BatchedActions):
    """Implements ``queue.deliveries_contract.Deliveries``.

    ``change`` runs a function of a Transaction in the next group, ``join_group`` writes something
    in a group that many others of its kind may share, ``read`` runs a function in the reader
    thread, which is the only one that may use ``reading``.
    """

    def __init__(
        self,
        writer: DeliveryWriter,
        accept: Accept,
        change: RunChange,
        join_group: Callable[[WaitedWrite], None],
        read: RunRead,
        reading: "QueueReader",
    ) -> None:
        self._writer, self._accept, self._reading = writer, accept, reading
        self._change, self._join_group, self._read = change, join_group, read

    async def take_over(self, now: datetime) -> int:
        return await self._change(self._writer.take_over, microseconds(now))

    def put(
        self, submission: Submission, planned: Sequence[Planned], *, leased: bool = True
    ) -> "asyncio.Future[tuple[Lease, ...]]":
        return self.put_with(None, submission, planned, leased=leased)

    def put_with(
        self,
        beside: ExtraWrite | None,
        submission: Submission,
        planned: Sequence[Planned],
        *,
        leased: bool = True,
    ) -> "asyncio.Future[tuple[Lease, ...]]":
        """Like ``put``; ``beside`` writes in its transaction."""
        if not planned:
            future: asyncio.Future[tuple[Lease, ...]]
            future = asyncio.get_running_loop().create_future()
            future.set_exception(QueueError(f"message {submission.id} has no delivery"))
            return future
        make = partial(QueuePut, planned=planned, leased=leased, writer=self._writer, beside=beside)
        return self._accept(submission, make)

    async def lease(
        self, now: datetime, limit: int, skip: Collection[str] = frozenset()
    ) -> Sequence[Lease]:
        return await self._change(self._writer.lease, microseconds(now), limit, frozenset(skip))

    async def lease_overdue(self, now: datetime, limit: int) -> Sequence[Lease]:
        return await self._change(self._writer.lease_overdue, microseconds(now), limit)

    async def looked_at(self) -> datetime | None:
        looked: int | None = await self._read(self._reading.looked_at)
        return None if looked is None else read_time(looked)

    async def next_due(self, skip: Collection[str] = frozenset()) -> datetime | None:
        due: int | None = await self._read(self._reading.next_due, frozenset(skip))
        return None if due is None else read_time(due)

    def settle(self, lease: Lease, settlement: Settlement, now: datetime) -> "asyncio.Future[None]":
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._join_group(QueueSettle(future, lease, settlement, microseconds(now), self._writer))
        return future

    async def body(self, message: str) -> Body:
        return await self._read(self._reading.body, message)

    async def message(self, id: str) -> QueuedMessage:
        return await self._read(self._reading.message, id)

    async def find(self, id: str) -> Sequence[Delivery]:
        return await self._read(self._reading.find, id)

    async def select(self, selection: QueueSelection, after: Cursor | None = None) -> SelectedSome:
        return await self._read(self._reading.select, selection, after)

    async def count(self) -> dict[str, QueueCount]:
        return await self._read(self._reading.count)

    async def _find_keys(self, ids: Sequence[str]) -> Sequence[Key]:
        return await self._change(find_keys, ids)

    async def _act(self, action: Action, keys: Sequence[Key], now: int) -> int:
        return await self._change(self._writer.act, action, keys, now)

    async def _act_on_some(
        self, action: Action, kind: str, after: Key, now: int
    ) -> tuple[int, Key | None]:
        return await self._change(self._writer.act_on_some, action, kind, after, now)

    async def _reroute(self, keys: Sequence[Key], to: NextHop, by: str, now: int) -> Sequence[str]:
        return await self._change(self._writer.reroute, keys, to, by, now)

    async def _forget_some(self, before: int) -> int:
        return await self._change(forget_settled, before)


class QueueReader:
    """The reads of the queue, for the reader thread. Raises KeyError and Unreadable."""

    def __init__(
        self, connection: sqlite3.Connection, segments: Segments, writer: DeliveryWriter
    ) -> None:
        self._connection, self._segments, self._writer = connection, segments, writer

    def looked_at(self) -> int | None:
        """Return when deliveries were looked for last, in microseconds."""
        row = self._connection.execute(STORE["get_counter"], ("looked_at",)).fetchone()
        return None if row is None else int(row[0])

    def next_due(self, skip: Collection[str]) -> int | None:
        """Return the earliest time of a due delivery, in microseconds."""
        execute = self._connection.execute
        times = [execute(SQL["first_notice"]).fetchone()[0]]
        for key, due in execute(SQL["all_hops"]):
            if key not in skip:
                times.append(due)
                break
        return min([each for each in times if isinstance(each, int)], default=None)

    def body(self, name: str) -> Body:
        """Return a body: small ones read and verified, large ones opened."""
        try:
            return self._open(name)
        except FileNotFoundError:  # the body moved to another segment meanwhile
            try:
                return self._open(name)
            except FileNotFoundError as error:
                lost = f"the file with the body of message {name} is gone: {error.filename}"
                raise Unreadable(lost) from error

    def message(self, id_: str) -> QueuedMessage:
        """Return a message without its body."""
        return queued_message(self._row("get_message", id_))

    def find(self, id_: str) -> Sequence[Delivery]:
        """Return the deliveries with an id, or of a message with that id."""
        rows = self._connection.execute(SQL["deliveries_of"], (id_,)).fetchall()
        message, part = part_of(id_)
        if not rows and part is not None:
            rows = self._connection.execute(SQL["deliveries_of"], (message,)).fetchall()
            rows = [row for row in rows if row[1] == part]
        return [delivery_of(row, self._writer.owner) for row in rows]

    def select(self, selection: QueueSelection, after: Cursor | None) -> SelectedSome:
        """Return the selected ones of a page, those of the newest message first."""
        matcher, before, states = DeliveryMatcher(selection), after or _LAST, selection.states
        further = selection.next_hop, "settled" in states, set(states) != {"held"}, PAGE_ROWS
        rows = self._connection.execute(SQL["list_before"], (*before, *further)).fetchall()
        if not rows:
            return SelectedSome((), None)
        last = rows[-1][13], -rows[-1][1]
        check_order(last, before)
        chosen: list[Delivery] = []
        origins: list[MessageOrigin] = []
        for row in rows:
            accepted = MessageOrigin(read_text(row[14]), read_time(row[15]))
            if matcher.may_match(read_text(row[2]), accepted):
                delivery = delivery_of(row, self._writer.owner)
                if matcher.matches(delivery):
                    chosen.append(delivery)
                    origins.append(accepted)
        return SelectedSome(chosen, last if len(rows) == PAGE_ROWS else None, origins)

    def count(self) -> dict[str, QueueCount]:
        """Return the numbers of waiting, leased and held deliveries by next hop."""
        kinds = ("waiting", "leased", "held")
        by_kind = {kind: self._count(kind) for kind in kinds}
        hops = {hop for counts in by_kind.values() for hop in counts}
        return {hop: QueueCount(*[by_kind[kind].get(hop, 0) for kind in kinds]) for hop in hops}

    def _count(self, kind: str) -> dict[str, int]:
        rows = self._connection.execute(SQL[f"count_{kind}"])
        return {read_text(hop): count for hop, count in rows}

    def _row(self, query: str, id_: str) -> tuple[Any, ...]:
        row: tuple[Any, ...] | None = self._connection.execute(SQL[query], (id_,)).fetchone()
        if row is None:
            if self._connection.execute(SQL["has_unindexed"], (id_,)).fetchone():
                raise damage(f"no index leads to message {id_}")
            raise KeyError(id_)
        return row

    def _open(self, id_: str) -> Body:
        row = self._row("get_body", id_)
        if row[0] is None and row[-1] is None:
            raise KeyError(id_)  # it was settled, and its content was deleted
        return open_content(id_, row, self._segments)
