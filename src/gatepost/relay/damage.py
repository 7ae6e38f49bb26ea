"""Tells the operator, once for each message, what of it cannot be read in the store any more."""

from typing import Final

from gatepost.model.delivery import Lease
from gatepost.relay.context import ReportEvent

_PARAMETERS: Final = "the parameters of MAIL (RET, ENVID) cannot be read; it is sent without them"
_RECIPIENTS: Final = "its recipients cannot be read; it is held, and can only be dropped"


class DamageReports:
    """What was told of the leases of one deliverer."""

    def __init__(self, report: ReportEvent) -> None:
        self._report = report
        self._reported: set[str] = set()

    def tell(self, lease: Lease) -> None:
        """Report a lease of a damaged message, unless it was reported."""
        is_held, message = lease.delivery.state == "held", lease.message
        if (is_held or message.is_damaged) and message.id not in self._reported:
            self._reported.add(message.id)
            reason = _RECIPIENTS if is_held else _PARAMETERS
            self._report("message_damaged", id=message.id, reason=reason)
