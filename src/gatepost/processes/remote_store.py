"""The store of another process, under the contract of one in this process."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final, TypeVar

import msgspec

from gatepost.errors import Disconnected, QueueFull, ResponseLost
from gatepost.model.body import WINDOW, Body
from gatepost.model.message import StoredMessage, Submission
from gatepost.processes.packed_mail import PackedMessage, Pieces, pack_submission, unpack_message
from gatepost.processes.rpc import NIL, Calls, decode
from gatepost.queue.store_contract import Selection
from gatepost.relay.safe_error_text import error_of

T = TypeVar("T")

REFUSAL_HOLDS: Final = 1.0
"""Seconds for which a refusal, or that there is none, is repeated before the store is asked again.
"""
LARGE: Final = WINDOW
"""Octets of content beyond which it is sent in advance in pieces, each after the answer to the one
before."""


class RemoteStore:
    """Implements ``queue.store_contract.Store`` over calls.

    ``put`` raises ResponseLost if the store process ends meanwhile, because it may have committed
    the message.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._refusal = ""
        self._asked_at = 0.0
        self._uploads = 0
        self._uploading: set[asyncio.Task[None]] = set()
        calls.hears[QueueFull.__name__] = self._note_full

    @property
    def refusal(self) -> str:
        """The refusal in the store's last answer, which may be that it has no room. It is requested
        again once a second, because a store that hangs answers no ``put``."""
        loop = asyncio.get_running_loop()
        if loop.time() - self._asked_at > REFUSAL_HOLDS:
            self._asked_at = loop.time()
            self._calls.ask_for(self._note_refusal, "refusal").add_done_callback(error_of)
        return self._refusal

    def _note_refusal(self, answer: msgspec.Raw) -> None:
        self._refusal = decode(answer, str)

    def _note_full(self, answer: msgspec.Raw) -> None:
        self._asked_at = asyncio.get_running_loop().time()
        self._note_refusal(answer)

    def put(self, submission: Submission) -> "asyncio.Future[None]":
        if submission.body.size > LARGE:
            return self._upload(submission)
        try:
            content = tuple(submission.body.chunks())
        except OSError as error:
            failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            failed.set_exception(error)
            return failed
        return self._calls.ask_for(
            self._note_refusal, "put", pack_submission(submission), content=content
        )

    def _upload(self, submission: Submission) -> "asyncio.Task[None]":
        self._uploads += 1
        task = asyncio.ensure_future(self._put_upload(self._uploads, submission))
        self._uploading.add(task)
        task.add_done_callback(self._uploading.discard)
        return task

    async def _put_upload(self, number: int, submission: Submission) -> None:
        try:
            for piece in submission.body.chunks():
                await self._calls.ask("upload", number, content=(piece,))
        except ResponseLost as lost:  # of a piece: the message is not in the store
            raise Disconnected(*lost.args) from lost
        except BaseException:
            with suppress(Disconnected):
                self._calls.tell("drop_upload", number)
            raise
        answer = await self._calls.ask("put_upload", number, pack_submission(submission))
        self._refusal = decode(answer, str)

    async def new_epoch(self) -> int:
        return await self._calls.call(int, "new_epoch")

    async def list(self, selection: Selection = Selection()) -> Sequence[StoredMessage]:  # noqa: B008
        messages = await self._calls.call(list[PackedMessage], "list", selection)
        return [unpack_message(each) for each in messages]

    async def count(self) -> int:
        return await self._calls.call(int, "count")

    async def get(self, id: str) -> StoredMessage:
        return unpack_message(await self._calls.call(PackedMessage, "get", id))

    async def trace(self, id: str) -> bytes:
        return await self._calls.call(bytes, "trace", id)

    async def body(self, id: str) -> Body:
        return Pieces(await self._calls.call(tuple[bytes, ...], "body", id))

    async def delete(self, ids: Iterable[str] | None) -> int:
        return await self._calls.call(int, "delete", None if ids is None else tuple(ids))

    async def wait(self, selection: Selection, timeout: float) -> StoredMessage | None:
        answer = await self._calls.ask("wait", selection, timeout)
        return None if bytes(answer) == NIL else unpack_message(decode(answer, PackedMessage))
