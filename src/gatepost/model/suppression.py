"""An address on the managed suppression list."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SuppressedPeriod:
    """Nothing is sent to ``address`` from ``since`` until ``until`` (UTC)."""

    address: str
    """In lower case."""
    level: int
    """How often it was prolonged, which decides about its duration."""
    since: datetime
    until: datetime
    is_damaged: bool = False
    """The record in the store is damaged: it holds until somebody deletes it."""
