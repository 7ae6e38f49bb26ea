"""``upstreams`` of Gatepost's own API: the targets of mail, and whether they can be used."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gatepost.control.next_hop_operations import pause_document
from gatepost.control.queue_operations import QueueControl
from gatepost.model.route import NextHop, Route, Target, parse_next_hop

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class UpstreamControl:
    """What the operation works on."""

    queue: QueueControl
    routes: Callable[[], Sequence[Route]]
    """Returns the routes of the configuration."""

    async def operate(self, operation: str, _fields: Mapping[str, Any]) -> Document:
        """``list``. Raises ValueError."""
        if operation != "list":
            raise ValueError(f"unknown operation {operation[:40]!r}")
        counts = await self.queue.deliveries.count()
        keys = [parse_next_hop(key) for key in counts]
        targets: dict[str, tuple[Target, list[Route]]] = {}
        for route in self.routes():
            for target in route.chain:
                targets.setdefault(target.name, (target, []))[1].append(route)
        return {"upstreams": [self._document(*each, keys) for each in targets.values()]}

    def _document(
        self, target: Target, routes: Sequence[Route], keys: Sequence[NextHop]
    ) -> Document:
        names = {each.name for each in routes}
        hops = [each for each in keys if each.route in names]
        deliverer = self.queue.deliverer
        pauses = [] if deliverer is None else [deliverer.pause_of(each) for each in hops]
        pause = next((each for each in pauses if each is not None), None)
        return {
            "name": target.name,
            "kind": type(target).__name__.removesuffix("Target").lower(),
            "routes": sorted(names),
            "next_hops": [each.key for each in hops],
            "state": "working" if pause is None else "paused",
            "pause": None if pause is None else pause_document(pause),
        }
