"""What travels between processes arrives as it was."""

import msgspec
import pytest

from gatepost.app.carried import (
    Carried,
    CarriedMessage,
    arrive,
    arrive_message,
    carry,
    carry_message,
)
from gatepost.app.rpc import decode
from gatepost.model.body import BytesBody
from gatepost.model.message import Submission
from gatepost.queue.selection import captured
from tests.contract.messages import envelope, message

NO_UTF8 = b"gr\xfc\xdfe".decode("utf-8", "surrogateescape")

MESSAGES = [
    message(),
    message(envelope=envelope("", "bob@example.net", '"c d"@example.com')),
    message(subject=NO_UTF8, message_id=NO_UTF8),
    message(subject="a\0b", message_id=""),
    message(body=b"", application="11111111-2222-3333-4444-555555555555"),
    message(body=bytes(range(256)) * 10),
]


@pytest.mark.parametrize("submission", MESSAGES)
@pytest.mark.parametrize("cut", [None, 1, 7])
def test_a_submission_arrives(submission: Submission, cut: int | None) -> None:
    octets = b"".join(submission.body.chunks())
    pieces = (octets,) if cut is None else (octets[:cut], octets[cut:])
    wire = msgspec.msgpack.encode(carry(submission, pieces))
    arrived = arrive(decode(wire, Carried))
    assert b"".join(arrived.body.chunks()) == octets
    assert arrived.body.size == len(octets)
    for name in ("id", "envelope", "trace", "received_at", "principal", "subject", "message_id"):
        assert getattr(arrived, name) == getattr(submission, name), name


def test_content_that_went_ahead_is_not_looked_for() -> None:
    body = BytesBody(b"ahead")
    assert arrive(carry(message(), ()), body).body is body


@pytest.mark.parametrize("submission", MESSAGES)
def test_a_stored_message_arrives(submission: Submission) -> None:
    stored = captured(submission)
    wire = msgspec.msgpack.encode(carry_message(stored))
    assert arrive_message(decode(wire, CarriedMessage)) == stored
