"""Limits: the last that is allowed, and the first that is not."""

import pytest

from gatepost.policy.limits import check_connections, check_recipients, check_size
from gatepost.wire.server.replies import Replies

REPLIES = Replies()


@pytest.mark.parametrize(("accepted", "refused"), [(0, False), (49, False), (50, True), (51, True)])
def test_recipients(accepted: int, refused: bool) -> None:
    reply = check_recipients(accepted, 50, REPLIES)
    assert (reply is not None) is refused
    if reply:
        assert (reply.code, str(reply.status)) == (452, "4.5.3")
        assert reply.reason.startswith("too_many_recipients: ")


@pytest.mark.parametrize(
    ("size", "limit", "refused"),
    [
        (None, 10, False),
        (11, None, False),
        (0, 10, False),
        (10, 10, False),
        (11, 10, True),
        (10**18, 10, True),
    ],
)
def test_size(size: int | None, limit: int | None, refused: bool) -> None:
    reply = check_size(size, limit, REPLIES)
    assert (reply is not None) is refused
    if reply:
        assert (reply.code, str(reply.status)) == (552, "5.3.4")
        assert reply.reason.startswith("too_large: ")


@pytest.mark.parametrize(
    ("others", "limit", "refused"), [(249, 250, False), (250, 250, True), (9999, None, False)]
)
def test_connections(others: int, limit: int | None, refused: bool) -> None:
    reply = check_connections(others, limit, REPLIES)
    assert (reply is not None) is refused
    if reply:
        assert (reply.code, str(reply.status)) == (421, "4.3.2")
