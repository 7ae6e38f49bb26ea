"""Remembers deliveries deferred at AUTH, to retry them once the login works again."""

from collections.abc import Sequence
from typing import Final

from gatepost.model.delivery import Attempt, Delivery
from gatepost.model.route import NextHop

MOST: Final = 1_000
"""Maximum number of deliveries that are remembered, the newest ones. Others wait for their
schedule."""


class AuthDeferred:
    """The deliveries whose last attempt ended at AUTH."""

    def __init__(self) -> None:
        self._routes: dict[str, str] = {}
        """Names of routes by the ids of deliveries."""

    def note(self, delivery: Delivery, attempt: Attempt) -> None:
        """Note how an attempt ended."""
        self._routes.pop(delivery.id, None)
        if attempt.phase == "auth":
            self._routes[delivery.id] = delivery.next_hop.route
            if len(self._routes) > MOST:
                del self._routes[next(iter(self._routes))]

    def take(self, next_hops: Sequence[NextHop] | None = None) -> Sequence[str]:
        """Return and forget the ids of those with a route of these next hops, or of all."""
        routes = None if next_hops is None else {each.route for each in next_hops}
        found = [id_ for id_, route in self._routes.items() if routes is None or route in routes]
        for id_ in found:
            del self._routes[id_]
        return found
