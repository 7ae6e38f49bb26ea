"""Captured mail, and the directory's records, in memory. Nothing survives."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from gatepost.directory.contract import OF_MESSAGE, Record
from gatepost.errors import QueueError
from gatepost.model.body import Body, BytesBody
from gatepost.model.message import StoredMessage, Submission
from gatepost.model.send_operation import SendOperation
from gatepost.queue.message_selection import captured, matcher
from gatepost.queue.store_contract import Selection
from gatepost.store.message_waiters import Waiters
from gatepost.testing.memory.mailbox import MemoryMailbox
from gatepost.testing.memory.notes import MemoryNotes
from gatepost.testing.memory.reports import MemoryReports


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


class MemoryStore:
    """Implements ``queue.store_contract.Store`` and ``directory.contract.Records``."""

    cluster = None
    """One relay has it alone."""

    def __init__(self) -> None:
        self.refusal = ""
        self._epoch = 0
        self._messages: dict[str, tuple[StoredMessage, bytes, Body]] = {}
        self._records: dict[tuple[str, str], Record] = {}
        self._waiters = Waiters()
        self.operations = MemoryOperations(self.put)
        self.reports = MemoryReports()
        self.notes = MemoryNotes()
        self.mailbox = MemoryMailbox(self._messages)

    async def new_epoch(self) -> int:
        self._epoch += 1
        return self._epoch

    def put(self, submission: Submission) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if submission.id in self._messages:
            future.set_exception(QueueError(f"message {submission.id} is already there"))
            return future
        message = captured(submission)
        body = BytesBody(b"".join(submission.body.chunks()))
        self._messages[submission.id] = message, submission.trace, body
        self._waiters.announce((message,))
        self.reports.add(message)
        self.mailbox.add(message)
        future.set_result(None)
        return future

    async def list(self, selection: Selection = Selection()) -> Sequence[StoredMessage]:  # noqa: B008
        matches = matcher(selection)
        selected = [each[0] for each in reversed(self._messages.values()) if matches(each[0])]
        return selected[: selection.limit]

    async def count(self) -> int:
        return len(self._messages)

    async def get(self, id: str) -> StoredMessage:
        return self._find(id)[0]

    async def trace(self, id: str) -> bytes:
        return self._find(id)[1]

    async def body(self, id: str) -> Body:
        return self._find(id)[2]

    async def delete(self, ids: Iterable[str] | None) -> int:
        before = len(self._messages)
        for each in list(self._messages) if ids is None else ids:
            self._messages.pop(each, None)
            self._records.pop((OF_MESSAGE, each), None)
        return before - len(self._messages)

    async def wait(self, selection: Selection, timeout: float) -> StoredMessage | None:
        return await self._waiters.wait(selection, timeout, self.list)

    async def load_records(self) -> Sequence[Record]:
        return tuple(self._records.values())

    async def save_records(
        self, put: Iterable[Record], delete: Iterable[tuple[str, str]] = ()
    ) -> None:
        for key in delete:
            self._records.pop(key, None)
        for record in put:
            self._records[record.kind, record.id] = record

    def close(self) -> None:
        """Do nothing; exists so that every store can be closed."""

    def _find(self, id: str) -> tuple[StoredMessage, bytes, Body]:
        if id == "last":
            id = next(reversed(self._messages), id)  # noqa: A001
        return self._messages[id]
