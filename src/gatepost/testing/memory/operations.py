"""Send operations in memory."""

import asyncio
from collections.abc import Callable

from gatepost.model.message import Submission
from gatepost.model.send_operation import SendOperation


class MemoryOperations:
    """Implements ``queue.operations_contract.OperationStore``; ``put`` stores a message at once."""

    def __init__(self, put: Callable[[Submission], "asyncio.Future[None]"]) -> None:
        self._put = put
        self._operations: dict[str, SendOperation] = {}

    def put(self, submission: Submission, operation: SendOperation) -> "asyncio.Future[None]":
        future = self._put(submission)
        if future.exception() is None:
            self._operations[operation.id] = operation
        return future

    async def get(self, id: str) -> SendOperation:
        return self._operations[id]

    async def has_message_id(self, message_id: str) -> bool:
        return bool(message_id) and any(
            each.message_id == message_id for each in self._operations.values()
        )
