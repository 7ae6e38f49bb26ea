"""What the words of a log mean: the points of all signs, added up to findings."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from gatepost.diagnosis.causes import CAUSES, conclude
from gatepost.diagnosis.signs import SIGNS
from gatepost.diagnosis.signs.reading import Reading
from gatepost.diagnosis.signs.relevance import is_about_mail, is_delivered
from gatepost.diagnosis.signs.sign import CERTAIN, LEAST, LIKELY, Sign
from gatepost.model.evidence import Evidence
from gatepost.model.finding import Confidence, Finding

_FIT: Final[dict[Confidence, float]] = {"certain": 17.0, "likely": 10.0, "possible": 5.0}
"""The weight of a rule's finding in comparison with the points of signs."""
_SEEN: Final = 1.6
"""The factor for rules if nothing is hidden from them."""
MOST: Final = 5
"""Maximum number of findings of a log."""
_ALIKE: Final = 0.85
_FAR_BEHIND: Final = 0.4


def from_texts(seen: Evidence) -> tuple[Finding, ...]:
    """Return a finding for every cause that texts of the log indicate."""
    reading = Reading(seen)
    if is_delivered(reading) or not is_about_mail(reading):
        return ()
    return weigh(reading, SIGNS)


def weigh(reading: Reading, signs: Iterable[Sign]) -> tuple[Finding, ...]:
    """Return the sum of the signs, a finding for each cause."""
    points: dict[str, float] = {}
    proofs: dict[str, list[str]] = {}
    for sign in signs:
        proof = sign.find_proof(reading)
        if proof is None:
            continue
        points[sign.id] = points.get(sign.id, 0.0) + sign.points
        lines = proofs.setdefault(sign.id, [])
        if proof and proof not in lines and sign.points > 0:
            lines.append(proof)
    return tuple(
        _finding(id_, total, proofs[id_])
        for id_, total in points.items()
        if total >= LEAST and proofs.get(id_)
    )


def merged(findings: Iterable[Finding]) -> tuple[Finding, ...]:
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


def outweighing(finding: Finding) -> Finding:
    """Return the finding of a rule that saw the whole session, with more weight than any text."""
    return replace(finding, fit=_SEEN * _weight(finding))


def worth_saying(ranked: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return the findings that are not far behind the first, at most MOST."""
    if not ranked:
        return ()
    least = ranked[0].fit * _FAR_BEHIND
    return _undecided(tuple(each for each in ranked if each.fit >= least)[:MOST])


def _undecided(ranked: tuple[Finding, ...]) -> tuple[Finding, ...]:
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


def _finding(id_: str, total: float, proof: list[str]) -> Finding:
    confidence: Confidence = (
        "certain" if total >= CERTAIN else "likely" if total >= LIKELY else "possible"
    )
    return replace(conclude(id_, confidence, *proof[:4]), fit=total)
