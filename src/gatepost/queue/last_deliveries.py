"""When each target delivered last, and since when mail of each route has waited for that.

Times are seconds of a monotonic clock. Ages are what other nodes understand, too.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gatepost.model.delivery import Verdict


@dataclass(slots=True)
class _Waiting:
    since: float
    tried: float
    deferred: float | None
    delivery: str


@dataclass(frozen=True, slots=True)
class WaitingAge:
    """How long a route's mail has waited on one node without being delivered."""

    since: float
    """Seconds since the first attempt that has not been followed by a delivery."""
    tried: float
    """Seconds since the last attempt began or ended."""
    deferred: float | None
    """Seconds since the last attempt ended without a delivery; None: none has."""
    delivery: str
    """The id of the delivery that was deferred last or, if none was, attempted first."""


@dataclass(frozen=True, slots=True)
class DeliveryAges:
    """What one node knows of its deliveries, at one moment."""

    delivered: Mapping[str, float]
    """Seconds since the last delivery, by target."""
    waiting: Mapping[str, WaitingAge]
    """By route."""


class LastDeliveries:
    """Notes attempts and their results. Reading it is for any thread."""

    def __init__(self) -> None:
        self._delivered: dict[str, float] = {}
        self._waiting: dict[str, _Waiting] = {}

    def note_try(self, route: str, delivery: str, now: float) -> None:
        """Note that an attempt begins: mail is due, and waits until one is delivered."""
        waiting = self._waiting.get(route)
        if waiting is None:
            self._waiting[route] = _Waiting(now, now, None, delivery)
        else:
            waiting.tried = now

    def note_result(
        self, route: str, target: str, delivery: str, verdicts: Sequence[Verdict], now: float
    ) -> None:
        """Note the end of an attempt. What is delivered, or refused for good, waits no more."""
        kinds = {each.kind for each in verdicts}
        if "delivered" in kinds:
            self._delivered[target] = now
            self._waiting.pop(route, None)
        elif "deferred" not in kinds:
            self._waiting.pop(route, None)
        else:
            self.note_try(route, delivery, now)
            waiting = self._waiting[route]
            waiting.deferred, waiting.delivery = now, delivery

    def forget(self, route: str) -> None:
        """Note that no mail of a route waits any more."""
        self._waiting.pop(route, None)

    def keep_only(self, routes: Collection[str], targets: Collection[str]) -> None:
        """Forget what the configuration does not have any more."""
        for route in set(self._waiting) - set(routes):
            del self._waiting[route]
        for target in set(self._delivered) - set(targets):
            del self._delivered[target]

    def ages(self, now: float) -> DeliveryAges:
        """Return what is known."""
        waiting = {
            route: WaitingAge(
                now - each.since,
                now - each.tried,
                None if each.deferred is None else now - each.deferred,
                each.delivery,
            )
            for route, each in list(self._waiting.items())
        }
        return DeliveryAges({key: now - at for key, at in list(self._delivered.items())}, waiting)


def ages_document(ages: DeliveryAges) -> dict[str, Any]:
    """Return ages as JSON types."""
    return {
        "delivered": {target: round(age, 1) for target, age in ages.delivered.items()},
        "waiting": {
            route: [
                round(each.since, 1),
                round(each.tried, 1),
                None if each.deferred is None else round(each.deferred, 1),
                each.delivery,
            ]
            for route, each in ages.waiting.items()
        },
    }


def read_ages(document: Mapping[str, Any], seconds: float) -> DeliveryAges:
    """Return the ages in a document that another node wrote ``seconds`` ago; empty ones for that of
    a version with other documents."""
    try:
        return DeliveryAges(
            {str(key): float(age) + seconds for key, age in document["delivered"].items()},
            {
                str(route): WaitingAge(
                    since + seconds,
                    tried + seconds,
                    None if deferred is None else deferred + seconds,
                    str(delivery),
                )
                for route, (since, tried, deferred, delivery) in document["waiting"].items()
            },
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return DeliveryAges({}, {})
