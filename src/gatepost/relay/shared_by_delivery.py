"""What the parts of a relay's delivery share."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from gatepost.model.body import Body
from gatepost.model.operator_event import ReportEvent
from gatepost.queue.cluster_contract import Cluster
from gatepost.queue.deliveries_contract import Deliveries
from gatepost.relay.outcome_reports import OutcomeReporter
from gatepost.relay.routes import Routes

Load = Callable[[], Awaitable[Body]]
"""Returns the content of a message. Raises KeyError, QueueError or OSError."""


@dataclass(frozen=True, slots=True)
class DeliveryContext:
    """The queue, the routes, the operator and the time."""

    deliveries: Deliveries
    routes: Routes
    report: ReportEvent
    now: Callable[[], datetime]
    cluster: Cluster | None = None
    """The nodes that share the queue; None: it is ours alone."""
    outcomes: OutcomeReporter | None = None
    """None: nobody gets reports."""
