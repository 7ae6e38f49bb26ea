"""Enhanced status codes."""

import re

from gatepost.model.reply import Reply
from gatepost.wire.server.replies import NAMES, Replies
from tests.conformance.talk import first

STATUS = re.compile(r"(\d)\.\d{1,3}\.\d{1,3}")


def test_3_the_extension_is_listed() -> None:
    """EHLO lists ENHANCEDSTATUSCODES."""
    assert "250-ENHANCEDSTATUSCODES" in first("C: EHLO x\nS*12: 250...\n").lines


def test_4_every_reply_of_2yz_4yz_5yz_has_a_status() -> None:
    """Every 2yz, 4yz and 5yz reply has an enhanced status, whose class is the first digit of the
    code; 334 and 354 have none."""
    replies = Replies()
    for name in NAMES:
        reply: Reply = getattr(replies, name)
        if reply.is_intermediate:
            assert reply.status is None, name
        else:
            assert reply.status is not None, name
            assert reply.status.klass == reply.code // 100, name


def test_4_the_greeting_and_the_replies_to_hello_have_no_status() -> None:
    """The greeting and the replies to EHLO and HELO have no enhanced status."""
    lines = first("C: HELO x\nS: 250 ...\nC: EHLO x\nS*12: 250...\n").lines
    assert not any(STATUS.match(line[4:]) for line in lines)


def test_4_every_line_of_a_reply_has_the_status() -> None:
    """Every line of a multi-line reply has the enhanced status."""
    reply = Reply(550, "one\ntwo", Replies().BARE_NEWLINE.status)
    assert reply.encode() == b"550-5.6.11 one\r\n550 5.6.11 two\r\n"
