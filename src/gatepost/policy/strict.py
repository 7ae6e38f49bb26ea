"""What ``--strict`` adds: connections, message sizes and rates, counted per subscription."""

from collections import Counter

from gatepost.model.credentials import Principal
from gatepost.model.profile import StrictLimits
from gatepost.model.reply import Reply
from gatepost.policy.limits import check_connections, check_size
from gatepost.policy.rate import RateWindows, rate_of
from gatepost.wire.server.replies import Replies


class StrictPolicy:
    """One for the whole relay: what it counts, the provider counts over all connections."""

    __slots__ = ("_connections", "_limits", "_replies", "_windows")

    def __init__(self, limits: StrictLimits, replies: Replies) -> None:
        self._limits = limits
        self._replies = replies
        self._connections: Counter[str] = Counter()
        self._windows = RateWindows()

    def enter(self, principal: Principal) -> Reply | None:
        """Count a connection that signs in, or return its refusal; a refused one is not counted."""
        others = self._connections[principal.subscription_id]
        refusal = check_connections(others, self._limits.connections, self._replies)
        if refusal is None:
            self._connections[principal.subscription_id] += 1
        return refusal

    def leave(self, principal: Principal) -> None:
        """Count a connection out that ``enter`` let in."""
        self._connections[principal.subscription_id] -= 1
        if self._connections[principal.subscription_id] <= 0:
            del self._connections[principal.subscription_id]

    def admit(self, principal: Principal, size: int, now: float, *, managed: bool) -> Reply | None:
        """Count a whole message of ``size`` octets, or return its refusal; it counts either way.

        ``managed`` tells whether its sender's domain is the provider's own; ``now`` is in
        seconds and never steps back. The two kinds of domain have a window each.
        """
        key = f"{principal.subscription_id} {'managed' if managed else 'custom'}"
        too_often = self._windows.admit(
            key, rate_of(self._limits, managed=managed), now, self._replies
        )
        too_big = check_size(size, self._limits.effective_size, self._replies)
        return too_big or too_often
