"""An address on the managed suppression list."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Lease:
    """Nothing is sent to ``address`` from ``since`` until ``until`` (UTC)."""

    address: str
    """As ``routing.suppression.fold`` spells it."""
    level: int
    """How often it was prolonged, which decides how long it lasts."""
    since: datetime
    until: datetime
    is_damaged: bool = False
    """What the store has of it is: it holds until somebody deletes it."""
