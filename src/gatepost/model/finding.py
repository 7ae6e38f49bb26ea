"""What the doctor concludes: causes with their proof, and what fixes them."""

from typing import Literal

from gatepost.model.evidence import Evidence, Position
from gatepost.model.fast_dataclass import dataclass

Confidence = Literal["certain", "likely", "possible"]
"""The evidence proves it; fits it better than anything else; or does not exclude it."""
Verdict = Literal["healthy", "finding", "unreachable", "unknown"]


@dataclass(frozen=True, slots=True)
class Remedy:
    """The fix in one library: what to change, and the code where code is the fix."""

    library: str
    text: str
    code: str | None = None
    executed: bool = False
    """Our tests run the code: the fault first, then the fix, which delivers."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause. ``id`` is stable: scripts and the pages in ``docs/findings`` go by it."""

    id: str
    confidence: Confidence
    summary: str
    proof: tuple[str, ...]
    """What was seen, a sentence each."""
    position: Position
    """Where in the dialogue it lies."""
    fix: str
    """What to do, whatever the library."""
    explains: tuple[Position, ...] = ()
    """The later steps whose failure follows from it."""
    remedies: tuple[Remedy, ...] = ()
    next_probe: str = ""
    """What would make it certain, or tell which of its variants it is."""
    fit: float = 0.0
    """How much of a log's text speaks for it; 0 where a probe was asked. Not part of any report."""

    @property
    def docs(self) -> str:
        """The page that explains it, below ``docs/``."""
        return f"findings/{self.id}"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The doctor's answer. ``findings`` begin with the most likely true cause."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    """What is worth knowing and is no fault."""
    evidence: Evidence
    next_probe: str = ""

    @property
    def target(self) -> str | None:
        """``host:port``; None when a log does not say."""
        return str(self.evidence.target) if self.evidence.target else None
