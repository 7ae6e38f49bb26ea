"""What all connections of a relay share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from gatepost.directory.contract import Directory
from gatepost.model.operator_event import ReportEvent
from gatepost.policy.client_limits import ClientCounter
from gatepost.policy.quotas import Quotas
from gatepost.queue.store_contract import Store
from gatepost.relay.batching import Batcher
from gatepost.relay.descriptor_alarm import DescriptorAlarm
from gatepost.relay.failure_rules import FailureRules
from gatepost.relay.session_recorder import SessionRecorder
from gatepost.relay.spool import Budget
from gatepost.relay.unfinished_handshakes import Handshakes
from gatepost.routing.route import Router


@dataclass(slots=True)
class Relay:
    """What every connection of a process uses."""

    directory: Directory
    store: Store
    budget: Budget
    report: ReportEvent
    next_id: Callable[[], str]
    """Returns a message id that is unique over all processes and restarts."""
    now: Callable[[], datetime]
    quotas: Quotas | None = None
    """None: there are no quotas."""
    clients: ClientCounter | None = None
    """None: there are no limits per address."""
    router: Router | None = None
    """Tells whether a recipient has a route; None: every recipient is accepted."""
    failures: FailureRules | None = None
    """Rules of scripted failures; None: nobody may have any."""
    recorder: SessionRecorder | None = None
    """Records sessions; None: they are not recorded."""
    login_delay: float = 0.0
    """Seconds before a refused login is answered."""
    tick: float = 0.0
    """The event loop's time, in seconds, at the sweeper's next run: cheap to read, never late."""
    draining: bool = False
    """The relay is stopping: no new transactions."""
    shaking: Handshakes = field(default_factory=Handshakes)
    """TLS handshakes that are not finished, by address."""
    descriptors: DescriptorAlarm = field(init=False)
    """Reports that the process lacks file descriptors."""
    batcher: Batcher = field(init=False)
    """Puts messages into the store, in batches."""

    def __post_init__(self) -> None:
        self.batcher = Batcher(self.store)
        self.descriptors = DescriptorAlarm(self.report)

    def use_store(self, store: Store) -> None:
        """Put messages into another store from now on; for a reload."""
        self.store, self.batcher = store, Batcher(store)
