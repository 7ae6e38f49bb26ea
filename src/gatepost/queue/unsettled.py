"""Mail that an API accepted, and whose result is not known yet: it must not be sent to another
target."""

from typing import Final

from gatepost.errors import GatepostError
from gatepost.model.delivery import Attempt, Delivery
from gatepost.model.reply import Esc, Reply

UNSETTLED: Final = Reply(451, "Accepted, but its delivery is not confirmed", Esc(4, 3, 0))


class Unsettled(GatepostError):
    """An API accepted a message, but its result is unknown. ``retry_after`` is in seconds.

    ``signed_in``: in this attempt, the API accepted our login.
    """

    def __init__(self, message: str, retry_after: float = 0.0, *, signed_in: bool = False) -> None:
        super().__init__(message)
        self.retry_after, self.signed_in = retry_after, signed_in


def has_ended_unsettled(attempt: Attempt) -> bool:
    """Tell whether an attempt ended with such a result."""
    return attempt.reply.because("") == UNSETTLED


def is_unsettled(delivery: Delivery, target: str) -> bool:
    """Tell whether the last attempt at a target ended with such a result."""
    attempts = [each for each in delivery.history if each.contact.target == target]
    return bool(attempts) and has_ended_unsettled(attempts[-1])
