"""Remembers deliveries deferred at AUTH or by the DNS, to retry them once that works again."""

from collections.abc import Sequence
from typing import Final

from gatepost.model.delivery import Attempt, Delivery
from gatepost.model.route import NextHop

MOST: Final = 10_000
"""Maximum number of deliveries that are remembered, the newest ones. Others wait for their
schedule."""
_PHASES: Final = frozenset({"auth", "resolve"})


class EarlyRetries:
    """The deliveries whose last attempt ended at AUTH, or at the look-up of their servers."""

    def __init__(self) -> None:
        self._ended: dict[str, tuple[str, str]] = {}
        """Phases and names of routes by the ids of deliveries."""

    def note(self, delivery: Delivery, attempt: Attempt) -> None:
        """Note how an attempt ended."""
        self._ended.pop(delivery.id, None)
        if attempt.phase in _PHASES:
            self._ended[delivery.id] = attempt.phase, delivery.next_hop.route
            if len(self._ended) > MOST:
                del self._ended[next(iter(self._ended))]

    def take(
        self, next_hops: Sequence[NextHop] | None = None, phase: str | None = None
    ) -> Sequence[str]:
        """Return and forget the ids of those with a route of these next hops, or of all, whose
        attempt ended in a phase, or in any."""
        routes = None if next_hops is None else {each.route for each in next_hops}
        ids = [
            id_
            for id_, (ended, route) in self._ended.items()
            if phase in (None, ended) and (routes is None or route in routes)
        ]
        for id_ in ids:
            del self._ended[id_]
        return ids
