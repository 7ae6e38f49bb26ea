"""The tries that are being made, by this configuration and by one that a reload has ended."""

from gatepost.model.fast_dataclass import dataclass
from gatepost.queue.why import Step
from gatepost.relay.transport.contract import Place, Transport


@dataclass(frozen=True, slots=True)
class Tried:
    """Where a delivery is being tried, by what, and since when."""

    place: Place
    transport: Transport | None
    """None: where it is to be tried is being asked."""
    begun: float

    def step(self, delivery: str) -> Step:
        """Return how far it has come."""
        return "resolve" if self.transport is None else self.transport.step(delivery)


class InFlight:
    """What deliverers that follow each other share.

    A target has no more connections than it may have, whoever uses them, and an operator hears
    where a delivery is, whoever tries it.
    """

    __slots__ = ("_tries", "places")

    def __init__(self) -> None:
        self._tries: dict[str, int] = {}
        self.places: dict[str, Tried] = {}
        """Where each delivery is being tried, by its id."""

    def count(self, key: str) -> int:
        """Return how many tries are being made at a target, at the servers that it has."""
        return self._tries.get(key, 0)

    def begin(self, key: str) -> None:
        """One more is being made."""
        self._tries[key] = self._tries.get(key, 0) + 1

    def end(self, key: str) -> None:
        """One is over."""
        left = self._tries[key] - 1
        if left:
            self._tries[key] = left
        else:
            del self._tries[key]
