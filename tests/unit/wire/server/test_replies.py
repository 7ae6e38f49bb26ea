"""The table of replies."""

import pytest

from gatepost.model.reply import Reply
from gatepost.wire.server.replies import NAMES, Replies, replies_with


@pytest.mark.parametrize("name", sorted(NAMES))
def test_each_is_one_valid_line(name: str) -> None:
    reply: Reply = getattr(Replies(), name)
    wire = reply.encode()
    assert wire.endswith(b"\r\n")
    assert wire.count(b"\n") == 1
    assert len(wire) <= 512
    assert wire.isascii()


def test_a_profile_overrides_by_name() -> None:
    mine = Reply(504, "mine")
    replies = replies_with({"AUTH_UNRECOGNIZED": mine})
    assert replies.AUTH_UNRECOGNIZED is mine
    assert replies.OK == Replies().OK
    assert mine != Replies().AUTH_UNRECOGNIZED


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(ValueError, match="NO_SUCH"):
        replies_with({"NO_SUCH": Reply(250)})
