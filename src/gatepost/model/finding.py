"""The doctor's conclusions: causes with proof, and their fixes."""

from typing import Literal

from gatepost.model.evidence import DialoguePhase, Evidence
from gatepost.model.fast_dataclass import dataclass

Confidence = Literal["certain", "likely", "possible"]
"""The evidence proves it; it is the best explanation; or the evidence does not exclude it."""
DiagnosisVerdict = Literal["healthy", "finding", "unreachable", "unknown"]


@dataclass(frozen=True, slots=True)
class Remedy:
    """The fix in one library: what to change, and the code if code is the fix."""

    library: str
    text: str
    code: str | None = None
    executed: bool = False
    """Our tests run the code: first the fault, then the fix, which delivers."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause. ``id`` is stable, because scripts and the pages in ``docs/findings`` use it."""

    id: str
    confidence: Confidence
    summary: str
    proof: tuple[str, ...]
    """What was seen, one sentence each."""
    position: DialoguePhase
    """The phase of the dialogue at which it occurs."""
    fix: str
    """What to do in any library."""
    remedies: tuple[Remedy, ...] = ()
    next_probe: str = ""
    """A check that would make it certain, or show which variant it is."""
    fit: float = 0.0
    """How much of a log's text indicates it; 0 for a probe. Not part of any report."""

    @property
    def docs(self) -> str:
        """The page that explains it, below ``docs/``."""
        return f"findings/{self.id}"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The doctor's result. ``findings`` begin with the most likely cause."""

    verdict: DiagnosisVerdict
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    """What is worth knowing, but not a fault."""
    evidence: Evidence
    next_probe: str = ""

    @property
    def target(self) -> str | None:
        """``host:port``; None if a log does not tell."""
        return str(self.evidence.target) if self.evidence.target else None
