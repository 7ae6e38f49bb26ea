"""The queue in PostgreSQL, for event loops."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from gatepost.errors import QueueError
from gatepost.model.body import Body
from gatepost.model.delivery import Delivery, Lease, Planned, QueuedMessage, Settlement
from gatepost.model.message import Submission
from gatepost.model.route import NextHop
from gatepost.model.send_operation import SendOperation
from gatepost.queue.deliveries_contract import (
    Action,
    Cursor,
    QueueCount,
    QueueSelection,
    SelectedSome,
)
from gatepost.store.batched_actions import BatchedActions, Key
from gatepost.store.postgres import message_reader as reads
from gatepost.store.postgres.arrays import numbers
from gatepost.store.postgres.changes import DatabaseChanges
from gatepost.store.postgres.connections import Connection
from gatepost.store.postgres.lost_leases import LostLeases, give_back_some, is_lost
from gatepost.store.postgres.message_reader import BodyReader
from gatepost.store.postgres.queue_writer import QueueWriter, find_keys
from gatepost.store.postgres.readers import Readers
from gatepost.store.postgres.settlements import SettlementJob
from gatepost.store.postgres.statements import SQL
from gatepost.store.stored_values import microseconds, read_time

PAUSE: Final = 0.05
"""Seconds until the next look at what another node gives back."""

Accept = Callable[..., "asyncio.Future[Any]"]
"""Passes a message, its deliveries and its operation to a thread that inserts it."""


class PostgresDeliveries(BatchedActions):
    """Implements ``queue.deliveries_contract.Deliveries``.

    ``change`` runs a function in a transaction, ``read`` one in a thread that reads, and
    ``settle`` passes a settlement to the thread that writes them, and ``lost`` hears which leases
    of nodes that are gone were given back.
    """

    def __init__(
        self,
        writer: QueueWriter,
        accept: Accept,
        change: DatabaseChanges,
        settle: Callable[[SettlementJob], None],
        read: Readers,
        lost: LostLeases,
    ) -> None:
        self._writer, self._accept, self._change = writer, accept, change
        self._settle, self._read, self._lost = settle, read, lost
        self._bodies = BodyReader(read)

    async def take_over(self, now: datetime) -> int:
        epoch = await self._change(self._writer.take_over, microseconds(now))
        while await self._read(is_lost, self._writer.name):
            lost = await self._change(give_back_some)
            if lost is not None:
                self._lost.announce(lost)
            else:
                await asyncio.sleep(PAUSE)
        return epoch

    def put(
        self, submission: Submission, planned: Sequence[Planned], *, leased: bool = True
    ) -> "asyncio.Future[tuple[Lease, ...]]":
        return self.put_with(None, submission, planned, leased=leased)

    def put_with(
        self,
        operation: SendOperation | None,
        submission: Submission,
        planned: Sequence[Planned],
        *,
        leased: bool = True,
    ) -> "asyncio.Future[tuple[Lease, ...]]":
        """Like ``put``, with an operation in the same transaction."""
        if not planned:
            future: asyncio.Future[tuple[Lease, ...]]
            future = asyncio.get_running_loop().create_future()
            future.set_exception(QueueError(f"message {submission.id} has no delivery"))
            return future
        return self._accept(submission, operation, planned=planned, leased=leased)

    async def lease(
        self, now: datetime, limit: int, skip: Collection[str] = frozenset()
    ) -> Sequence[Lease]:
        lease = partial(self._writer.lease, now=microseconds(now), limit=limit, skip=skip)
        return await self._change.take(lease, self._writer.confirm)

    async def lease_overdue(self, now: datetime, limit: int) -> Sequence[Lease]:
        lease = partial(self._writer.lease_overdue, now=microseconds(now), limit=limit)
        return await self._change.take(lease, self._writer.confirm)

    async def looked_at(self) -> datetime | None:
        looked = await self._read(reads.looked_at)
        return None if looked is None else read_time(looked)

    async def next_due(self, skip: Collection[str] = frozenset()) -> datetime | None:
        due = await self._read(reads.next_due, skip)
        return None if due is None else read_time(due)

    def settle(self, lease: Lease, settlement: Settlement, now: datetime) -> "asyncio.Future[None]":
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._settle(SettlementJob(future, lease, settlement, microseconds(now)))
        return future

    async def body(self, message: str) -> Body:
        return await self._read(self._bodies.queued, message)

    async def message(self, id: str) -> QueuedMessage:
        return await self._read(reads.get_message, id)

    async def find(self, id: str) -> Sequence[Delivery]:
        return await self._read(reads.find_deliveries, id)

    async def select(self, selection: QueueSelection, after: Cursor | None = None) -> SelectedSome:
        return await self._read(reads.select_deliveries, selection, after)

    async def count(self) -> dict[str, QueueCount]:
        return await self._read(reads.count_deliveries)

    async def _find_keys(self, ids: Sequence[str]) -> Sequence[Key]:
        return await self._read(find_keys, ids)

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


def forget_settled(connection: Connection, before: int) -> int:
    """Delete a batch of messages settled before a time; return how many."""
    rows = connection.execute(SQL["forget_messages"], (before,)).fetchall()
    if rows:
        connection.execute(SQL["forget_deliveries"], (numbers([key for (key,) in rows]),))
    return len(rows)
