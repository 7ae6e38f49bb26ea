"""What the nodes of a cluster ask each other about the queue."""

from collections.abc import Mapping
from typing import Any

from gatepost.control.queue_control import QueueControl
from gatepost.control.queue_operations import explain_own, follow_action
from gatepost.control.reroutes import order_leased
from gatepost.model.route import next_hop_by
from gatepost.relay.reroute_order import RerouteOrder

Document = dict[str, Any]


async def answer_node(
    control: QueueControl, operation: str, fields: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Answer another node: ``why`` a delivery of ours waits, or note what an operator has done
    there (``acted``, ``rerouted``). Raises KeyError, ValueError and QueueError."""
    if operation == "why":
        return await explain_own(control, str(fields["id"]))
    if operation == "acted":
        follow_action(control, fields["action"], fields["ids"], fields["next_hops"])
        return {}
    if operation == "rerouted":
        order = RerouteOrder(next_hop_by(str(fields["to"])), str(fields["by"]))
        order_leased(control, fields["ids"], order)
        return {}
    raise ValueError(f"unknown question {operation[:40]!r}")
