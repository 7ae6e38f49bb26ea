"""Ranks findings by confidence, phase and experience; those of a log by their weight first."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.causes import CAUSES
from gatepost.model.evidence import DIALOGUE_PHASES
from gatepost.model.finding import Confidence, Finding

_FIT: Final[Mapping[Confidence, float]] = MappingProxyType(
    {"certain": 17.0, "likely": 10.0, "possible": 5.0}
)
"""The weight of a finding by its confidence."""
_SEEN: Final = 1.6
"""The factor if nothing of the session is hidden."""
MOST: Final = 5
"""Maximum number of findings of a log."""
_ALIKE: Final = 0.85
_FAR_BEHIND: Final = 0.4


def rank(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings, the most likely cause first."""
    return tuple(sorted(findings, key=_key))


def _key(finding: Finding) -> tuple[float | str, ...]:
    return (
        -finding.fit,
        -_FIT[finding.confidence],
        DIALOGUE_PHASES.index(finding.position),
        -CAUSES[finding.id].prior,
        finding.id,
    )


def merge(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return one finding for each cause: the most certain one, with the proofs of all."""
    best: dict[str, Finding] = {}
    for finding in findings:
        this = replace(finding, fit=finding.fit or _weight(finding))
        other = best.get(finding.id)
        if other is not None:
            first, second = (this, other) if this.fit >= other.fit else (other, this)
            proof = tuple(dict.fromkeys((*first.proof, *second.proof)))
            this = replace(first, proof=proof, fit=first.fit + second.fit / 4)
        best[finding.id] = this
    return tuple(best.values())


def _weight(finding: Finding) -> float:
    return CAUSES[finding.id].weight or _FIT[finding.confidence]


def outweigh_texts(finding: Finding) -> Finding:
    """Return the finding of a rule that saw the whole session, with more weight than any text of
    the same confidence."""
    return replace(finding, fit=_SEEN * _weight(finding))


def weigh_text(finding: Finding) -> Finding:
    """Return what texts indicate, with a weight to compare with rules that saw the whole session;
    its ``fit`` is a probability."""
    return replace(finding, fit=_SEEN * _FIT[finding.confidence] * finding.fit)


def is_tie(first: Finding, other: Finding) -> bool:
    """Tell whether two findings fit a log almost equally."""
    return first.confidence == other.confidence and 0 < first.fit * _ALIKE <= other.fit


def drop_unlikely(ranked: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return the findings that are not far behind the first, at most MOST."""
    if not ranked:
        return ()
    least = ranked[0].fit * _FAR_BEHIND
    return _leave_undecided(tuple(each for each in ranked if each.fit >= least)[:MOST])


def _leave_undecided(ranked: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """If two causes fit almost equally, return them as likely instead of certain, with a next
    check."""
    first, rivals = ranked[0], ranked[1:]
    if not any(each.confidence == "certain" and each.fit >= first.fit * _ALIKE for each in rivals):
        return ranked
    return tuple(
        replace(each, confidence="likely", next_probe=each.next_probe or CAUSES[each.id].probe)
        if each.confidence == "certain" else each
        for each in ranked
    )  # fmt: skip
