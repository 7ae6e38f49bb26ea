"""``gatepost nodes`` and ``gatepost node``: the relays that share a database."""

from collections.abc import Mapping
from typing import Any, Final

from gatepost.model.operation_errors import NotConfigured
from gatepost.queue.cluster_contract import Cluster, NodeStatus

Document = dict[str, Any]
ALONE: Final = 'this relay has its store alone; nodes need storage.kind = "postgres"'


async def operate_nodes(
    cluster: Cluster | None,
    operation: str,
    fields: Mapping[str, Any],
    *,
    is_command: bool = False,
) -> Document:
    """``list``, or ``drain`` of ``name``. ``is_command``: this node is no relay, and is left out.
    Raises NotConfigured, KeyError, ValueError and QueueError."""
    if cluster is None:
        raise NotConfigured(ALONE)
    if operation == "list":
        nodes = [each for each in await cluster.nodes() if not (is_command and each.is_own)]
        return {"nodes": [_document(each) for each in nodes]}
    if operation == "drain":
        name = str(fields["name"])
        is_relay = not (is_command and name == cluster.name)
        if not (is_relay and await cluster.try_drain(name)):
            raise KeyError(f"node {name}; `gatepost nodes` lists them")
        return {"draining": name}
    raise ValueError(f"unknown operation {operation[:40]!r}")


def _document(node: NodeStatus) -> Document:
    return {
        "name": node.name,
        "version": node.program,
        "epoch": node.epoch,
        "state": node.state,
        "leases": node.leases,
        "accepted_per_minute": node.facts.get("accepted_per_minute"),
        "settled_per_minute": node.facts.get("settled_per_minute"),
        "lease_ms": node.facts.get("lease_ms"),
        "seen": round(node.seen, 1),
        "own": node.is_own,
    }
