"""Captured mail is in the store when the transport reports success."""

import asyncio

import pytest

from gatepost.errors import QueueError, QueueFull
from gatepost.model.body import BytesBody
from gatepost.model.message import Submission
from gatepost.model.route import Capture, ServerAddress
from gatepost.queue.attempt_result import AttemptResult
from gatepost.relay.transport.capture import CaptureTransport
from gatepost.testing.memory import MemoryStore
from tests.leases import TRACE, lease


async def hand(store: MemoryStore) -> AttemptResult:
    ids = iter(["c1", "c2"])
    transport = CaptureTransport(Capture("kept"), store, lambda: next(ids))
    handed = await transport.deliver(
        lease("a@example.net", "b@example.net"), BytesBody(b"Subject: hi\r\n\r\nx\r\n"),
        ServerAddress("kept"), 0.0,
    )  # fmt: skip
    await transport.close()
    return handed


def test_it_is_captured_for_its_recipients() -> None:
    async def act() -> None:
        store = MemoryStore()
        handed = await hand(store)
        assert [each.kind for each in handed.verdicts] == ["delivered"] * 2
        assert handed.is_final
        message = await store.get("c1")
        assert (message.mail_from, message.rcpt_to) == (
            "a@example.com", ("a@example.net", "b@example.net"),
        )  # fmt: skip
        assert (message.subject, message.principal) == ("hi", "app")
        assert await store.trace("c1") == TRACE
        body = await store.body("c1")
        assert b"".join(body.chunks()) == b"Subject: hi\r\n\r\nx\r\n"

    asyncio.run(act())


@pytest.mark.parametrize("error", [QueueFull("no room"), QueueError("the sync failed")])
def test_without_room_it_waits(error: QueueError) -> None:
    class Full(MemoryStore):
        def put(self, submission: Submission) -> "asyncio.Future[None]":
            del submission
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            future.set_exception(error)
            return future

    handed = asyncio.run(hand(Full()))
    assert [(each.kind, each.reply.code) for each in handed.verdicts] == [("deferred", 452)] * 2
    assert handed.error is error
    assert handed.attempt.reply.reason == str(error)
