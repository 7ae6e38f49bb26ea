"""Messages between processes arrive unchanged."""

from dataclasses import replace

import msgspec
import pytest

from gatepost.model.body import BytesBody, Traits, traits_of
from gatepost.model.message import Submission
from gatepost.processes.packed_mail import (
    PackedMessage,
    PackedSubmission,
    body_of,
    pack_message,
    pack_submission,
    unpack_message,
    unpack_submission,
)
from gatepost.processes.rpc import decode
from gatepost.queue.message_selection import captured
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
@pytest.mark.parametrize("traits", [None, Traits(7, is_seven_bit=True, is_undotted=False)])
def test_a_submission_arrives(
    submission: Submission, cut: int | None, traits: Traits | None
) -> None:
    octets = b"".join(submission.body.chunks())
    pieces = (octets,) if cut is None else (octets[:cut], octets[cut:])
    sent = replace(submission, body=BytesBody(octets, traits))
    packed = decode(msgspec.msgpack.encode(pack_submission(sent)), PackedSubmission)
    arrived = unpack_submission(packed, body_of(pieces, packed.traits))
    assert b"".join(arrived.body.chunks()) == octets
    assert arrived.body.size == len(octets)
    assert traits_of(arrived.body) == traits
    for name in ("id", "envelope", "trace", "received_at", "principal", "subject", "message_id"):
        assert getattr(arrived, name) == getattr(submission, name), name


@pytest.mark.parametrize("submission", MESSAGES)
def test_a_stored_message_arrives(submission: Submission) -> None:
    stored = captured(submission)
    wire = msgspec.msgpack.encode(pack_message(stored))
    assert unpack_message(decode(wire, PackedMessage)) == stored
