"""The queue in PostgreSQL, for event loops."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, Final

from gatepost.errors import QueueError
from gatepost.model.body import Body
from gatepost.model.delivery import Delivery, Lease, Planned, QueuedMessage, Settlement
from gatepost.model.message import Submission
from gatepost.model.send_operation import SendOperation
from gatepost.queue.deliveries_contract import Action, QueueCount, QueueSelection
from gatepost.store.postgres import message_reader as reads
from gatepost.store.postgres.arrays import numbers
from gatepost.store.postgres.changes import DatabaseChanges
from gatepost.store.postgres.connections import Connection
from gatepost.store.postgres.lost_leases import LostLeases, give_back_some, is_lost
from gatepost.store.postgres.message_reader import BodyReader
from gatepost.store.postgres.queue_writer import START, Key, QueueWriter, find_keys
from gatepost.store.postgres.readers import Readers
from gatepost.store.postgres.settlements import SettlementJob
from gatepost.store.postgres.statements import SQL
from gatepost.store.stored_values import microseconds, read_time

PAUSE: Final = 0.05
"""Seconds until the next look at what another node gives back."""
BATCH: Final = 256
"""Maximum number of ids that an operator acts on in one transaction."""
_KINDS: Final[dict[Action, tuple[str, ...]]] = {
    "hold": ("waiting", "leased"),
    "release": ("held",),
    "retry": ("waiting",),
    "drop": ("waiting", "leased", "held"),
}
"""The kinds of deliveries that an action on all of them applies to."""

Accept = Callable[..., "asyncio.Future[Any]"]
"""Passes a message, its deliveries and its operation to a thread that inserts it."""


class PostgresDeliveries:
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

    async def list(self, selection: QueueSelection = QueueSelection()) -> Sequence[Delivery]:  # noqa: B008
        return await self._read(reads.list_deliveries, selection)

    async def count(self) -> dict[str, QueueCount]:
        return await self._read(reads.count_deliveries)

    async def act(
        self,
        action: Action,
        ids: Iterable[str] | None,
        now: datetime,
        some_done: Callable[[], None] = lambda: None,
    ) -> int:
        done = 0
        if ids is None:
            for kind in _KINDS[action]:
                async for number in self._act_on_all(action, kind, microseconds(now)):
                    done += number
                    some_done()
            return done
        wanted = iter(dict.fromkeys(ids))
        seen: set[Key] = set()
        while some := tuple(islice(wanted, BATCH)):
            keys = [each for each in await self._read(find_keys, some) if each not in seen]
            seen.update(keys)
            done += await self._change(self._writer.act, action, keys, microseconds(now))
            some_done()
        return done

    async def forget(self, before: datetime) -> int:
        forgotten = 0
        while batch := await self._change(forget_settled, microseconds(before)):
            forgotten += batch
        return forgotten

    async def _act_on_all(self, action: Action, kind: str, now: int) -> AsyncIterator[int]:
        """Act in batches with pauses between them, so that leases do not wait for them; yield the
        number of each."""
        loop = asyncio.get_running_loop()
        after: Key | None = START
        while after is not None:
            begun = loop.time()
            some, after = await self._change(self._writer.act_on_some, action, kind, after, now)
            yield some
            await asyncio.sleep(2 * (loop.time() - begun))


def forget_settled(connection: Connection, before: int) -> int:
    """Delete a batch of messages settled before a time; return how many."""
    rows = connection.execute(SQL["forget_messages"], (before,)).fetchall()
    if rows:
        connection.execute(SQL["forget_deliveries"], (numbers([key for (key,) in rows]),))
    return len(rows)
