"""The store of another process, under the contract of one in this process."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final, TypeVar

import msgspec

from gatepost.app.carried import CarriedMessage, Pieces, arrive_message, carry
from gatepost.app.rpc import NIL, Calls, decode
from gatepost.errors import Disconnected
from gatepost.model.body import WINDOW, Body
from gatepost.model.message import StoredMessage, Submission
from gatepost.queue.contract import Selection

T = TypeVar("T")

REFUSAL_HOLDS: Final = 1.0
"""Seconds for which a refusal is repeated before the store is asked again."""
LARGE: Final = WINDOW
"""Octets of content beyond which it goes ahead in pieces, each answered before the next."""


class RemoteStore:
    """Implements ``queue.contract.Store`` over calls."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._refusal = ""
        self._asked_at = 0.0
        self._uploads = 0
        self._uploading: set[asyncio.Task[None]] = set()

    @property
    def refusal(self) -> str:
        """What the store said with its last answer; asked anew when that is old."""
        loop = asyncio.get_running_loop()
        if self._refusal and loop.time() - self._asked_at > REFUSAL_HOLDS:
            self._asked_at = loop.time()
            self._calls.ask("refusal").add_done_callback(self._note_refusal)
        return self._refusal

    def _note_refusal(self, answer: "asyncio.Future[msgspec.Raw]") -> None:
        if not answer.cancelled() and answer.exception() is None:
            self._refusal = decode(answer.result(), str)

    def put(self, submission: Submission) -> "asyncio.Future[None]":
        if submission.body.size > LARGE:
            return self._upload(submission)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            carried = carry(submission, tuple(submission.body.chunks()))
        except OSError as error:
            done.set_exception(error)
            return done
        self._calls.ask("put", carried).add_done_callback(lambda answer: self._settle(done, answer))
        return done

    def _upload(self, submission: Submission) -> "asyncio.Task[None]":
        self._uploads += 1
        task = asyncio.ensure_future(self._put_upload(self._uploads, submission))
        self._uploading.add(task)
        task.add_done_callback(self._uploading.discard)
        return task

    async def _put_upload(self, number: int, submission: Submission) -> None:
        try:
            for piece in submission.body.chunks():
                await self._calls.ask("upload", number, piece)
        except BaseException:
            with suppress(Disconnected):
                self._calls.tell("drop_upload", number)
            raise
        answer = await self._calls.ask("put_upload", number, carry(submission, ()))
        self._refusal = decode(answer, str)

    def _settle(self, done: "asyncio.Future[None]", answer: "asyncio.Future[msgspec.Raw]") -> None:
        error = answer.exception()
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
            return
        self._note_refusal(answer)
        done.set_result(None)

    async def new_epoch(self) -> int:
        return await self._calls.call(int, "new_epoch")

    async def list(self, selection: Selection = Selection()) -> Sequence[StoredMessage]:  # noqa: B008
        found = await self._calls.call(list[CarriedMessage], "list", selection)
        return [arrive_message(each) for each in found]

    async def count(self) -> int:
        return await self._calls.call(int, "count")

    async def get(self, id: str) -> StoredMessage:
        return arrive_message(await self._calls.call(CarriedMessage, "get", id))

    async def trace(self, id: str) -> bytes:
        return await self._calls.call(bytes, "trace", id)

    async def body(self, id: str) -> Body:
        return Pieces(await self._calls.call(tuple[bytes, ...], "body", id))

    async def delete(self, ids: Iterable[str] | None) -> int:
        return await self._calls.call(int, "delete", None if ids is None else tuple(ids))

    async def wait(self, selection: Selection, timeout: float) -> StoredMessage | None:
        answer = await self._calls.ask("wait", selection, timeout)
        return None if bytes(answer) == NIL else arrive_message(decode(answer, CarriedMessage))
