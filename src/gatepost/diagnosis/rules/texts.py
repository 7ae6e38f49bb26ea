"""What the words of a log mean: the points of all signs, added up to findings."""

from collections.abc import Iterable
from dataclasses import replace

from gatepost.diagnosis.causes import conclude
from gatepost.diagnosis.signs import SIGNS
from gatepost.diagnosis.signs.reading import Reading
from gatepost.diagnosis.signs.relevance import is_about_mail, is_delivered
from gatepost.diagnosis.signs.sign import CERTAIN, LEAST, LIKELY, Sign
from gatepost.model.evidence import Evidence
from gatepost.model.finding import Confidence, Finding


def conclude_from_texts(seen: Evidence) -> tuple[Finding, ...]:
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


def _finding(id_: str, total: float, proof: list[str]) -> Finding:
    confidence: Confidence = (
        "certain" if total >= CERTAIN else "likely" if total >= LIKELY else "possible"
    )
    return replace(conclude(id_, confidence, *proof[:4]), fit=total)
