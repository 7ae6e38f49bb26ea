"""Why an attempt at a target must wait, and for what."""

from dataclasses import dataclass
from typing import Final

from gatepost.queue.pause import Pause

SOON: Final = 1.0
"""Seconds until the next look at a target that is busy with other attempts."""
CROWDED: Final = "room for attempts"
"""The key of a wait for room for more attempts, or for more look-ups in the DNS."""
RESOLVER: Final = "the resolver"
"""The key of which ``changed`` is called when the DNS answers again."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A target may not be tried now."""

    key: str
    """What it waits for; ``changed`` is called with this key when it changes."""
    seconds: float
    """Time until the next look, if nothing changes before."""
    pause: Pause | None = None
    """The pause that it waits for; None: all connections are in use, or the rate is used up."""
    is_first: bool = False
    """The first login there is in progress. That is no reason to try the next target."""
    is_elsewhere: bool = False
    """Other nodes have all connections: what waits for it is theirs."""
