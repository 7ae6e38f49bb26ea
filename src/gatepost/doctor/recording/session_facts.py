"""What is known about a recorded session besides the dialogue."""

from dataclasses import dataclass, field
from datetime import datetime

from gatepost.model.evidence import (
    Connect,
    DialoguePhase,
    Fact,
    Greeting,
    Resolution,
    TlsFirst,
    TlsSeen,
)


@dataclass(slots=True)
class SessionOutcome:
    """Filled in during the session."""

    began: datetime
    resolution: Fact[Resolution] = field(default_factory=Fact)
    connects: Fact[tuple[Connect, ...]] = field(default_factory=Fact)
    tls: Fact[TlsSeen] = field(default_factory=Fact)
    """With the server."""
    tls_first: Fact[TlsFirst] = field(default_factory=Fact)
    greets: Fact[Greeting] = field(default_factory=Fact)
    """How the server greets our own connection, if the session got no greeting."""
    waited_ms: float = 0.0
    """The time waited for the greeting."""
    failure: str = ""
    phase: DialoguePhase | None = None
    """Where it ended, if not at the last command."""
