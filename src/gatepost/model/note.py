"""Small texts that a relay keeps about what comes back from providers."""

from datetime import UTC, datetime
from typing import Final

from gatepost.model.fast_dataclass import dataclass

FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""The end of a note that stays until it is replaced."""


@dataclass(frozen=True, slots=True)
class Note:
    """A text by a key: a delivery by the id that a provider gave to its message, a webhook that was
    recorded, the place up to which a list was read."""

    scope: str
    """What it is, and about whom; keys of other scopes are other notes."""
    key: str
    value: str
    until: datetime
    """When it may be deleted."""
