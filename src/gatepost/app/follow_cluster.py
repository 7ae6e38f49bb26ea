"""What a relay does when something happens to the nodes that share its store."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from gatepost.control.node_questions import answer_node
from gatepost.control.queue_operations import QueueControl
from gatepost.model.operator_event import ReportEvent
from gatepost.queue.cluster_contract import Cluster, ClusterEvents

if TYPE_CHECKING:
    from gatepost.app.outbound import Outbound


def follow_cluster(
    cluster: Cluster,
    report: ReportEvent,
    outbound: "Outbound | None",
    queue: QueueControl,
    drained: "asyncio.Future[str]",
) -> None:
    """Follow the nodes in the running loop; complete ``drained`` if this one is to stop."""

    def renew(epoch: int) -> None:
        report("node_renewed", node=cluster.name, epoch=epoch)
        if outbound is not None:
            outbound.renew(epoch)

    def take_over(name: str, leases: int) -> None:
        report("node_taken_over", node=name, by=cluster.name, leases=leases)
        if outbound is not None:
            outbound.deliverer.wake()

    def drain() -> None:
        if not drained.done():
            drained.set_result("drained")

    cluster.follow(ClusterEvents(renew, take_over, drain, partial(answer_node, queue)))
