"""Attempts in progress, of the current deliverer and of one that a reload has replaced."""

from gatepost.model.fast_dataclass import dataclass
from gatepost.queue.why import Step
from gatepost.relay.transport.contract import Place, Transport


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt in progress."""

    place: Place
    transport: Transport | None
    """None: the servers are being looked up."""
    begun: float

    def step(self, delivery: str) -> Step:
        """Return the step that it has reached."""
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
        """Attempts by the id of the delivery."""

    def count(self, key: str) -> int:
        """Return the number of attempts at a target with these servers."""
        return self._tries.get(key, 0)

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
