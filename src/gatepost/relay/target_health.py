"""What delivery knows of a target now, for the operator."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gatepost.queue.circuit_breaker import BreakerState

LoginState = Literal["untried", "accepted", "paused", "refused"]
"""``paused``: no login is tried for a while; ``refused``: the provider refused the secret, and
somebody must act."""


@dataclass(frozen=True, slots=True)
class LoginHealth:
    """The state of a target's credential."""

    credential: str
    state: LoginState
    seconds: float = 0.0
    """Time until the next login; 0: now."""
    reason: str = ""
    """The reply or error that caused a pause."""
    finding: str = ""
    advice: str = ""
    """The doctor's advice about that."""


@dataclass(frozen=True, slots=True)
class CircuitHealth:
    """The circuit breaker of a server, or of the whole target."""

    what: str
    state: BreakerState
    seconds: float
    """Time until the next attempt is permitted."""
    reason: str


@dataclass(frozen=True, slots=True)
class TargetHealth:
    """Connections, circuits and login of one target."""

    connections: int
    """In use now."""
    most_connections: int
    """As many it accepts, as far as was learned."""
    login: LoginHealth | None
    """None: the target has no credential."""
    circuits: Sequence[CircuitHealth]
    """Those that are not closed."""
