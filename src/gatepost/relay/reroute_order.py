"""An operator's order to send what is leased to another target."""

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from gatepost.model.delivery import Lease, Reroute, Settlement
from gatepost.model.route import NextHop


class RerouteOrder(NamedTuple):
    """An operator's order to send deliveries to a target."""

    to: NextHop
    by: str
    """Who gave it; empty: unknown."""

    def applied(self, settlement: Settlement, lease: Lease, now: datetime) -> Settlement:
        """Return a settlement after which the recipients that wait are tried there at once."""
        if settlement.next_at is None or lease.delivery.next_hop.route == self.to.route:
            return settlement
        order = Reroute(now, self.by, lease.delivery.next_hop.key, self.to.target)
        moved = (self.to,) * len(lease.delivery.waiting)
        return replace(settlement, moved=moved, rerouted=order, next_at=now)
