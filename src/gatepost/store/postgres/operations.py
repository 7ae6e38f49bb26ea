"""Send operations in PostgreSQL: each written with its message, in one commit."""

import asyncio
from collections.abc import Callable, Sequence

from gatepost.model.delivery import Lease, Planned
from gatepost.model.message import Submission
from gatepost.model.send_operation import SendOperation
from gatepost.store.postgres.connections import Connection
from gatepost.store.postgres.message_reader import first
from gatepost.store.postgres.message_rows import is_storable, stored_operation
from gatepost.store.postgres.readers import Readers
from gatepost.store.postgres.statements import SQL


class PostgresOperations:
    """Implements ``queue.operations_contract.QueuedOperations``.

    ``put`` stores a message and an operation in one transaction, ``queue`` queues one in the same
    way; ``read`` runs a function in a thread that reads.
    """

    def __init__(
        self,
        put: Callable[[Submission, SendOperation], "asyncio.Future[None]"],
        queue: Callable[..., "asyncio.Future[tuple[Lease, ...]]"],
        read: Readers,
    ) -> None:
        self._put, self._queue, self._read = put, queue, read

    def put(self, submission: Submission, operation: SendOperation) -> "asyncio.Future[None]":
        return self._put(submission, operation)

    def queue(
        self,
        submission: Submission,
        operation: SendOperation,
        planned: Sequence[Planned],
        *,
        leased: bool = True,
    ) -> "asyncio.Future[tuple[Lease, ...]]":
        return self._queue(operation, submission, planned, leased=leased)

    async def get(self, id: str) -> SendOperation:
        return await self._read(_get, id)

    async def has_message_id(self, message_id: str) -> bool:
        return await self._read(_has_message_id, message_id)


def _get(connection: Connection, id_: str) -> SendOperation:
    row = None
    if is_storable(id_):
        row = connection.execute(SQL["get_operation"], (id_,), binary=True).fetchone()
    if row is None:
        raise KeyError(id_)
    return stored_operation(row)


def _has_message_id(connection: Connection, message_id: str) -> bool:
    return is_storable(message_id) and bool(first(connection, "has_message_id", message_id)[0])
