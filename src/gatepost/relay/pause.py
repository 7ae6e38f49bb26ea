"""Why a target may not be tried now, and what it waits for."""

from dataclasses import dataclass
from typing import Final

from gatepost.queue.why import Obstacle

SOON: Final = 1.0
"""Seconds until the next look at a target that is busy with other attempts."""
CROWDED: Final = "room for attempts"
"""The key of a pause for want of room for more attempts, or for more look-ups in the DNS."""
RESOLVER: Final = "the resolver"
"""The key of which ``changed`` is called when the DNS answers again."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A target may not be tried now."""

    key: str
    """The thing that it waits for; ``changed`` is called with this key when it changes."""
    seconds: float
    """Time until the next look, if nothing changes before."""
    obstacle: Obstacle | None = None
    """The reason of a pause after failures; None: all connections are in use, or the rate is used
    up."""
    is_first: bool = False
    """The first login there is in progress. That is no reason to try the next target."""
