"""Ranks findings: by confidence, by position, by experience."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.causes import CAUSES
from gatepost.model.evidence import POSITIONS
from gatepost.model.finding import Confidence, Finding

_STRENGTH: Final[Mapping[Confidence, int]] = MappingProxyType(
    {"certain": 0, "likely": 1, "possible": 2}
)


def rank(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings, the most likely cause first."""
    return tuple(sorted(findings, key=_key))


def _key(finding: Finding) -> tuple[float | str, ...]:
    return (
        -finding.fit,
        _STRENGTH[finding.confidence],
        POSITIONS.index(finding.position),
        -CAUSES[finding.id].prior,
        finding.id,
    )
