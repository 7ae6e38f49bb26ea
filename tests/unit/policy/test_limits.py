"""Limits: the last that is allowed, and the first that is not."""

import pytest

from gatepost.policy.limits import check_connections
from gatepost.wire.server.replies import Replies

REPLIES = Replies()


@pytest.mark.parametrize(
    ("others", "limit", "refused"), [(249, 250, False), (250, 250, True), (9999, None, False)]
)
def test_connections(others: int, limit: int | None, refused: bool) -> None:
    reply = check_connections(others, limit, REPLIES)
    assert (reply is not None) is refused
    if reply:
        assert (reply.code, str(reply.status)) == (421, "4.3.2")
