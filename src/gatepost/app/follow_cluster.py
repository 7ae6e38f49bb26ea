"""What a relay does when something happens to the nodes that share its store."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from gatepost.control.node_questions import answer_node
from gatepost.control.queue_control import QueueControl
from gatepost.errors import GatepostError, QueueError
from gatepost.model.operator_event import ReportEvent
from gatepost.policy.client_limits import FailureCounts
from gatepost.queue.cluster_contract import Cluster, ClusterEvents, SharedPause
from gatepost.relay.safe_error_text import explain
from gatepost.reports.webhooks import Webhooks

if TYPE_CHECKING:
    from gatepost.app.make_directories import Directories
    from gatepost.app.outbound import Outbound
    from gatepost.reports.report_service import ReportService

SENDING: Final = 30.0
"""Seconds for which a node that does not look any more keeps others from sending reports."""
AGAIN: Final = 1.0
"""Seconds until the directory is read again after a failure of the store."""


class ClusterFollower:
    """Follows the nodes, from ``follow`` on."""

    def __init__(
        self,
        report: ReportEvent,
        outbound: "Outbound | None",
        queue: QueueControl,
        reload_records: Callable[[], Awaitable[None]],
        drained: "asyncio.Future[str]",
    ) -> None:
        """``reload_records`` reads the directory's objects again; ``drained`` is completed if this
        node is to stop."""
        self._report, self._outbound, self._queue = report, outbound, queue
        self._reload_records, self._drained = reload_records, drained
        self._name = ""
        self._tasks: set[asyncio.Task[None]] = set()

    def follow(self, cluster: Cluster) -> None:
        """Follow the nodes in the running loop."""
        self._name = cluster.name
        cluster.follow(
            ClusterEvents(
                self._renew, self._take_over, self._drain, self._adopt_pauses,
                self._note_records, self._answer,
            )
        )  # fmt: skip

    def _renew(self, epoch: int) -> None:
        self._report("node_renewed", node=self._name, epoch=epoch)
        if self._outbound is not None:
            self._outbound.renew(epoch)

    def _take_over(self, name: str, leases: int) -> None:
        self._report("node_taken_over", node=name, by=self._name, leases=leases)
        if self._outbound is not None:
            self._outbound.deliverer.wake()

    def _drain(self) -> None:
        if not self._drained.done():
            self._drained.set_result("drained")

    def _adopt_pauses(self, pauses: Sequence[SharedPause]) -> None:
        if self._outbound is not None:
            self._outbound.adopt_pauses(pauses)

    def _note_records(self) -> None:
        task = asyncio.ensure_future(self._try_reload())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _try_reload(self) -> None:
        is_read = False
        while not is_read:
            try:
                await self._reload_records()
                is_read = True
            except QueueError:  # else an account that was deleted might go on to work here
                await asyncio.sleep(AGAIN)
            except (GatepostError, ValueError) as error:
                self._report("internal_error", reason=explain(error))
                return

    async def _answer(self, operation: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        if operation == "records":
            await self._reload_records()
            return {}
        return await answer_node(self._queue, operation, fields)


def failure_counts(cluster: Cluster) -> FailureCounts:
    """Return the refused logins at all nodes; 0 while the store does not answer."""

    async def count(address: str, forgotten: float) -> int:
        try:
            return await cluster.count_failure(address, forgotten)
        except QueueError:
            return 0

    return FailureCounts(count, asyncio.ensure_future)


async def announce_drain(cluster: Cluster) -> None:
    """Let the list of nodes say that this one stops, if the store answers soon."""
    with suppress(QueueError, TimeoutError):
        async with asyncio.timeout(1):
            await cluster.try_drain(cluster.name)


def share_webhooks(cluster: Cluster | None, webhooks: Webhooks) -> None:
    """Let one node at a time send the reports of a subscription."""
    if cluster is not None:
        webhooks.take_turn = lambda key: cluster.try_take_turn(f"webhook {key}", SENDING)


def reload_of(
    directories: "Directories", reports: "ReportService | None"
) -> Callable[[], Awaitable[None]]:
    """Return what reads again what another node may have changed in the store."""

    async def reload() -> None:
        await directories.reload()
        if reports is not None:
            await reports.reload()

    return reload
