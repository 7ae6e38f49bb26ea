"""Attempts in progress, of the current deliverer and of one that a reload has replaced."""

from collections import deque
from typing import Final

from gatepost.model.fast_dataclass import dataclass
from gatepost.model.route import ServerAddress
from gatepost.queue.attempt_slots import Liveness, Slots
from gatepost.queue.last_deliveries import LastDeliveries
from gatepost.queue.why import AttemptStep
from gatepost.relay.attempt_permit import Permit
from gatepost.relay.shared_limits import SharedLimits
from gatepost.relay.transport.contract import Transport

REMEMBERED: Final = 20_000
"""Maximum number of servers, or sites of servers, with a remembered state."""


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """One attempt in progress."""

    server: ServerAddress
    transport: Transport | None
    """None: the servers are being looked up."""
    begun: float
    permit: Permit | None = None

    def step(self, delivery: str) -> AttemptStep:
        """Return the step that it has reached."""
        return "resolve" if self.transport is None else self.transport.step(delivery)


class InFlight:
    """What successive deliverers share.

    The limits of connections and of messages per minute hold for a target whichever deliverer uses
    it, and operators see the state of a delivery whichever deliverer attempts it.
    """

    __slots__ = (
        "_liveness", "_sent", "_tries", "last_deliveries", "open_attempts", "shared", "slots",
    )  # fmt: skip

    def __init__(self, slots: Slots | None = None, shared: SharedLimits | None = None) -> None:
        """``shared`` has the limits that hold for all nodes; None: there are no others."""
        self.slots, self.shared = Slots() if slots is None else slots, shared
        self.last_deliveries = LastDeliveries()
        self._liveness: dict[str, Liveness] = {}
        self._tries: dict[str, int] = {}
        self._sent: dict[str, deque[float]] = {}
        self.open_attempts: dict[str, OpenAttempt] = {}
        """Attempts by the id of the delivery."""

    def count(self, key: str) -> int:
        """Return the number of attempts at a target with these servers."""
        return self._tries.get(key, 0)

    def sent(self, key: str) -> deque[float]:
        """Return when messages went to a target with these servers, for its ``NextHopLimiter``."""
        if key not in self._sent and len(self._sent) >= REMEMBERED:
            del self._sent[next(iter(self._sent))]  # the oldest
        return self._sent.setdefault(key, deque())

    def liveness(self, key: str, *, greets: bool) -> Liveness:
        """Return whether a target with these servers answers."""
        liveness = self._liveness.get(key)
        if liveness is None:
            if len(self._liveness) >= REMEMBERED:
                idle = (key for key, each in self._liveness.items() if not each.slots)
                self._liveness.pop(next(idle, ""), None)
            liveness = self._liveness[key] = Liveness(greets=greets)
        return liveness

    def begin(self, key: str) -> None:
        """Count an attempt that begins."""
        self._tries[key] = self._tries.get(key, 0) + 1

    def end(self, key: str) -> None:
        """Uncount an attempt that has ended."""
        left = self._tries[key] - 1
        if left:
            self._tries[key] = left
        else:
            del self._tries[key]
