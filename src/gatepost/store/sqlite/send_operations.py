"""Send operations in SQLite: each written with its message, in one commit."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Final

from gatepost.model.delivery import Lease, Planned
from gatepost.model.message import Submission
from gatepost.model.send_operation import SendOperation
from gatepost.store.sqlite.group_writes import ExtraWrite, Transaction
from gatepost.store.sqlite.message_reader import RunRead
from gatepost.store.sqlite.queries import read_queries
from gatepost.store.stored_values import microseconds, read_time

SQL: Final = read_queries("send_operations.sql")


class SqliteOperations:
    """Implements ``queue.operations_contract.QueuedOperations``.

    ``put`` stores a message and runs a function in its transaction, ``queue`` queues one in the
    same way; ``read`` runs a function in the reader thread, which is the only one that may use
    ``reading``.
    """

    def __init__(
        self,
        put: Callable[[Submission, ExtraWrite], "asyncio.Future[None]"],
        queue: Callable[..., "asyncio.Future[tuple[Lease, ...]]"],
        read: RunRead,
        reading: sqlite3.Connection,
    ) -> None:
        self._put, self._queue, self._read, self._reading = put, queue, read, reading

    def put(self, submission: Submission, operation: SendOperation) -> "asyncio.Future[None]":
        return self._put(submission, _insertion(operation))

    def queue(
        self,
        submission: Submission,
        operation: SendOperation,
        planned: Sequence[Planned],
        *,
        leased: bool = True,
    ) -> "asyncio.Future[tuple[Lease, ...]]":
        return self._queue(_insertion(operation), submission, planned, leased=leased)

    async def get(self, id: str) -> SendOperation:
        row = await self._first("get_operation", id)
        if row is None:
            raise KeyError(id)
        return _operation(row)

    async def has_message_id(self, message_id: str) -> bool:
        return bool((await self._first("has_message_id", message_id))[0])

    async def _first(self, name: str, *values: Any) -> Any:
        return await self._read(lambda: self._reading.execute(SQL[name], values).fetchone())


def _insertion(operation: SendOperation) -> ExtraWrite:
    row = _row(operation)

    def insert(transaction: Transaction) -> None:
        transaction.connection.execute(SQL["insert_operation"], row)
        transaction.ledger.pages += 1

    return insert


def _row(operation: SendOperation) -> tuple[Any, ...]:
    return (
        operation.id,
        operation.resource,
        microseconds(operation.started_at),
        operation.request,
        operation.sender,
        operation.message_id,
        operation.tracking_disabled,
        *(operation.error or (None, None)),
    )


def _operation(row: tuple[Any, ...]) -> SendOperation:
    id_, resource, started_at, request, sender, message_id, tracking, code, message = row
    return SendOperation(
        id=id_,
        resource=resource,
        started_at=read_time(started_at),
        request=bytes(request),
        sender=sender,
        message_id=message_id,
        tracking_disabled=bool(tracking),
        error=None if code is None else (code, message),
    )
