"""What all connections of a relay share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from gatepost.directory.contract import Directory
from gatepost.model.later import Later
from gatepost.policy.quotas import Quotas
from gatepost.policy.visitors import Visitors
from gatepost.queue.contract import Store
from gatepost.relay.batching import Batcher
from gatepost.relay.handshakes import Handshakes
from gatepost.relay.spool import Budget
from gatepost.routing.route import Router


class Report(Protocol):
    """Tells the operator what happened; never a secret."""

    def __call__(self, event: str, **facts: Any) -> None:
        """Take one event and its facts (JSON types)."""


class When(Protocol):
    """Calls ``then`` with an answer, now or when it is there."""

    def __call__(self, answer: Later[Any], then: Callable[[Any], None]) -> None:
        """Take the answer."""


@dataclass(slots=True)
class Relay:
    """The parts that a connection works with."""

    directory: Directory
    store: Store
    budget: Budget
    report: Report
    next_id: Callable[[], str]
    """Makes a message id that no other process or start ever made."""
    now: Callable[[], datetime]
    quotas: Quotas | None = None
    """None: nothing is counted."""
    visitors: Visitors | None = None
    """None: addresses are not told apart."""
    router: Router | None = None
    """Knows for whom there is a route; None: any recipient is taken."""
    login_delay: float = 0.0
    """Seconds before a refused login is answered."""
    tick: float = 0.0
    """When the sweeper looks next, in seconds of the loop: a clock that costs nothing to read, and
    that is never behind."""
    draining: bool = False
    """No new transaction: the relay stops."""
    shaking: Handshakes = field(default_factory=Handshakes)
    """Those before a greeting."""
    batcher: Batcher = field(init=False)
    """Through which messages go into the store."""

    def __post_init__(self) -> None:
        self.batcher = Batcher(self.store)

    def follow(self, store: Store) -> None:
        """Put messages into another store from now on."""
        self.store, self.batcher = store, Batcher(store)
