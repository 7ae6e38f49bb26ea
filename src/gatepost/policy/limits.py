"""How many connections may be signed in at once."""

from gatepost.model.reply import Reply
from gatepost.wire.server.replies import Replies


def check_connections(others: int, limit: int | None, replies: Replies) -> Reply | None:
    """Return the refusal of one more connection that signed in beside ``others``."""
    if limit is None or others < limit:
        return None
    return replies.TOO_MANY_CONNECTIONS.because(
        f"too_many_connections: the subscription has {others} connections, {limit} are allowed"
    )
