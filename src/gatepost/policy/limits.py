"""How many and how much: recipients, octets, connections."""

from gatepost.model.reply import Reply
from gatepost.wire.server.replies import Replies


def check_recipients(accepted: int, limit: int, replies: Replies) -> Reply | None:
    """Return the refusal of one more recipient after ``accepted`` ones (RFC 5321 4.5.3.1.10)."""
    if accepted < limit:
        return None
    return replies.TOO_MANY_RECIPIENTS.because(
        f"too_many_recipients: a message may have {limit} recipients"
    )


def check_size(size: int | None, limit: int | None, replies: Replies) -> Reply | None:
    """Return the refusal of a message of ``size`` octets, announced or counted (RFC 1870 6)."""
    if size is None or limit is None or size <= limit:
        return None
    return replies.MESSAGE_TOO_BIG.because(f"too_large: {size} octets, {limit} are allowed")


def check_connections(others: int, limit: int | None, replies: Replies) -> Reply | None:
    """Return the refusal of one more connection that signed in beside ``others``."""
    if limit is None or others < limit:
        return None
    return replies.TOO_MANY_CONNECTIONS.because(
        f"too_many_connections: the subscription has {others} connections, {limit} are allowed"
    )
