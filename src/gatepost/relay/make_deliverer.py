"""Puts together the part of a relay that delivers."""

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime

from gatepost.model.dns import Resolver
from gatepost.model.operator_event import ReportEvent
from gatepost.model.profile import Profile
from gatepost.queue.cluster_contract import Cluster
from gatepost.queue.deliveries_contract import Deliveries
from gatepost.queue.retry_schedule import Random
from gatepost.relay.attempt import AttemptRunner
from gatepost.relay.attempt_admission import AttemptAdmission
from gatepost.relay.attempt_feedback import AttemptFeedback
from gatepost.relay.deliverer import Bounds, Deliverer
from gatepost.relay.descriptor_alarm import DescriptorAlarm
from gatepost.relay.in_flight import InFlight
from gatepost.relay.mx_lookup import ExchangerLookup
from gatepost.relay.notifier import Notifier
from gatepost.relay.outcome_reports import OutcomeReporter
from gatepost.relay.routes import Routes
from gatepost.relay.server_lookup import Own, ServerLookup
from gatepost.relay.settler import Settler
from gatepost.relay.shared_by_delivery import DeliveryContext
from gatepost.relay.transport.contract import Transport


@dataclass(frozen=True, slots=True)
class DelivererParts:
    """What delivery needs; ``app`` fills it."""

    deliveries: Deliveries
    routes: Routes
    transports: Mapping[str, Transport]
    """By the names of their targets: one for each target of each route's chain."""
    resolver: Resolver
    host: str
    """The relay's name, from which notifications come."""
    next_id: Callable[[], str]
    """Returns a new message id, like ``Relay.next_id``."""
    report: ReportEvent
    now: Callable[[], datetime]
    seconds: Callable[[], float]
    """The event loop's clock (``time.monotonic``)."""
    random: Random
    own: Own = field(default_factory=Own)
    profiles: Iterable[Profile] = ()
    """Providers that the doctor can recognise."""
    bounds: Bounds = field(default_factory=Bounds)
    wire: InFlight = field(default_factory=InFlight)
    """Common to this deliverer and the one that it replaces."""
    alarms: MutableMapping[str, str] | None = None
    """What was already reported to the operator; None: nothing, and it is forgotten with the
    deliverer."""
    alarm: DescriptorAlarm | None = None
    """That of the process; None: its own."""
    outcomes: OutcomeReporter | None = None
    """None: nobody gets reports."""
    forgiven: Callable[[], None] = lambda: None
    """Forgets why there was no token, because the operator says that the problem is solved."""
    cluster: Cluster | None = None
    """The nodes that share the queue; None: it is ours alone."""


def make_deliverer(parts: DelivererParts) -> Deliverer:
    """Return the deliverer; ``start`` starts it."""
    routes, report, random = parts.routes, parts.report, parts.random
    notifier = Notifier(parts.host, parts.next_id, routes, report)
    context = DeliveryContext(
        parts.deliveries, routes, report, parts.now, parts.cluster, parts.outcomes
    )
    settler = Settler(context, notifier, random)

    def make_attempts(changed: Callable[[str], None]) -> AttemptRunner:
        admission = AttemptAdmission(parts.seconds, random, changed, parts.forgiven, parts.wire)
        feedback = AttemptFeedback(admission, random, report, parts.profiles, parts.alarms)
        exchangers = ExchangerLookup(
            parts.resolver, parts.own.names, parts.seconds, random, changed
        )
        lookup = ServerLookup(exchangers, parts.own, random)
        alarm = parts.alarm or DescriptorAlarm(report)
        return AttemptRunner(parts.transports, lookup, admission, feedback, parts.now, alarm)

    return Deliverer(context, settler, make_attempts, parts.bounds)
