"""What rules decide about one event."""

from gatepost.failures.grammar import Actions
from gatepost.model.fast_dataclass import dataclass
from gatepost.model.reply import Reply


@dataclass(frozen=True, slots=True)
class Firing:
    """A rule fires: what is to be done now."""

    rule: str
    """Its id."""
    do: Actions
    delay: float = 0.0
    """Seconds."""
    reply: Reply | None = None
    """Instead of the ordinary one, with everything filled in."""
    recipients: tuple[str, ...] = ()
    """Those of an outcome."""


@dataclass(frozen=True, slots=True)
class Decision:
    """All that happens at one event: the rules that go on, and the one that ends the search."""

    firings: tuple[Firing, ...] = ()
    counted: tuple[str, ...] = ()
    """Rules whose conditions hold: at ``body`` they are not asked again about this content."""


NOTHING = Decision()
