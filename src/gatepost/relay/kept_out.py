"""Deliveries that wait because a login was refused: they are due when that is mended."""

from collections.abc import Sequence
from typing import Final

from gatepost.model.delivery import Attempt, Delivery
from gatepost.model.route import NextHop

MOST: Final = 1_000
"""Deliveries that are remembered; of more, the newest. Others wait for their schedule."""


class KeptOut:
    """The deliveries whose last attempt ended at AUTH."""

    def __init__(self) -> None:
        self._routes: dict[str, str] = {}
        """By delivery."""

    def note(self, delivery: Delivery, attempt: Attempt) -> None:
        """Take note of how an attempt ended."""
        self._routes.pop(delivery.id, None)
        if attempt.phase == "auth":
            self._routes[delivery.id] = delivery.next_hop.route
            if len(self._routes) > MOST:
                del self._routes[next(iter(self._routes))]

    def take(self, next_hops: Sequence[NextHop] | None = None) -> Sequence[str]:
        """Return those of the routes of these next hops, or all, and forget them."""
        routes = None if next_hops is None else {each.route for each in next_hops}
        found = [id_ for id_, route in self._routes.items() if routes is None or route in routes]
        for id_ in found:
            del self._routes[id_]
        return found
