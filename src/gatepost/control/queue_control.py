"""What the operations on the queue work on, with or without a relay that delivers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from gatepost.control.queue_documents import Document, delivery_document
from gatepost.control.queue_selectors import read_selection
from gatepost.control.undoable_holds import UndoableHolds
from gatepost.model.delivery import Delivery
from gatepost.model.route import NextHop, Route, parse_next_hop
from gatepost.queue.cluster_contract import Cluster
from gatepost.queue.deliveries_contract import Deliveries, QueueSelection
from gatepost.queue.pause import Pause
from gatepost.queue.retry_schedule import BACK
from gatepost.queue.why import next_try

if TYPE_CHECKING:
    from gatepost.model.operator_event import ReportEvent

    # a relay that only captures, and a stopped one, deliver nothing
    from gatepost.relay.deliverer import Deliverer


MOST_CHARACTERS: Final = 200
"""Of the name of an operator."""


@dataclass(frozen=True, slots=True)
class QueueControl:
    """What the operations work on."""

    deliveries: Deliveries
    now: Callable[[], datetime]
    delivering: "Callable[[], Deliverer] | None" = None
    """Returns the current deliverer, which a reload changes; None: no relay runs."""
    report: "ReportEvent | None" = None
    """None: no relay runs, so that nobody reads its events."""
    routes: Callable[[], Sequence[Route]] = tuple
    """The configured routes, if no relay runs."""
    holds: UndoableHolds = field(default_factory=UndoableHolds)
    cluster: Cluster | None = None
    """The nodes that share the queue; None: it is ours alone."""

    def is_elsewhere(self, delivery: Delivery) -> bool:
        """Tell whether another node has leased a delivery."""
        own = "" if self.cluster is None else self.cluster.name
        return delivery.state == "leased" and delivery.node not in ("", own)

    @property
    def deliverer(self) -> "Deliverer | None":
        """The current deliverer; None: no relay runs."""
        return None if self.delivering is None else self.delivering()

    def wake(self) -> None:
        """Let the relay look at its queue, if one runs."""
        if self.deliverer is not None:
            self.deliverer.wake()

    def targets(self, next_hop: NextHop) -> Sequence[str]:
        """Return the names of the targets of a next hop, in the order in which they are tried."""
        deliverer = self.deliverer
        if deliverer is not None:
            return deliverer.targets(next_hop)
        if next_hop.target:
            return [next_hop.target] if next_hop.target in self.all_targets() else []
        route = next((each for each in self.routes() if each.name == next_hop.route), None)
        return () if route is None else [each.name for each in route.chain]

    def all_targets(self) -> Sequence[str]:
        """Return the names of the targets of all routes."""
        deliverer = self.deliverer
        routes = self.routes() if deliverer is None else deliverer.routes.all
        return list(dict.fromkeys([each.name for route in routes for each in route.chain]))


def operator_of(fields: Mapping[str, Any]) -> str:
    """Return who gives an order, as fields say; empty: unknown."""
    return str(fields.get("by") or "")[:MOST_CHARACTERS]


async def find_deliveries(control: QueueControl, id_: str) -> Sequence[Delivery]:
    """Return the deliveries of a message, or the one with this id. Raises KeyError."""
    deliveries = await control.deliveries.find(id_)
    if not deliveries:
        raise KeyError(f"message {id_} in the queue (`gatepost messages list`: what was captured)")
    return deliveries


async def selection_of(control: QueueControl, fields: Mapping[str, Any]) -> QueueSelection:
    """Return the selection that fields describe. Raises ValueError."""
    target, first_of = fields.get("target"), set()
    if target:
        hops = [parse_next_hop(key) for key in await control.deliveries.count()]
        first_of = {each.route for each in hops if [*control.targets(each)][:1] == [target]}
    return read_selection(fields, control.now(), first_of)


async def as_due(control: QueueControl, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
    """Return deliveries with their true times: if the clock was put back, the relay soon tries what
    waits for a time by the old clock."""
    now, deliverer = control.now(), control.deliverer
    if deliverer is not None:
        are_old = deliverer.has_old_times()
    else:
        last_look = await control.deliveries.looked_at()
        are_old = last_look is not None and last_look - now >= BACK
    if not are_old:
        return deliveries
    return [
        each if each.due is None else replace(each, due=min(each.due, now)) for each in deliveries
    ]


def document_of(control: QueueControl, delivery: Delivery) -> Document:
    due = delivery.due
    if due is not None:
        pause = pause_of(control, delivery)
        due = next_try(due, delivery.expires_at, control.now(), pause)
    return delivery_document(delivery, due, control.targets(delivery.next_hop))


def pause_of(control: QueueControl, delivery: Delivery) -> Pause | None:
    deliverer = control.deliverer
    return None if deliverer is None else deliverer.pause_of(delivery.next_hop)
