"""What is known of a recorded session besides what was said."""

from dataclasses import dataclass, field
from datetime import datetime

from gatepost.model.evidence import Connect, Fact, Greeting, Position, Resolution, TlsFirst, TlsSeen


@dataclass(slots=True)
class Outcome:
    """Filled in as the session goes on."""

    began: datetime
    resolution: Fact[Resolution] = field(default_factory=Fact)
    connects: Fact[tuple[Connect, ...]] = field(default_factory=Fact)
    tls: Fact[TlsSeen] = field(default_factory=Fact)
    """With the server."""
    tls_first: Fact[TlsFirst] = field(default_factory=Fact)
    greets: Fact[Greeting] = field(default_factory=Fact)
    """How the server greets a look of our own, where the session heard nothing of it."""
    waited_ms: float = 0.0
    """For the greeting."""
    failure: str = ""
    position: Position | None = None
    """Where it ended, where that is not the last command's place."""
