"""Ranks the causes of a log: by what rules prove in it, and by what its texts say."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from gatepost.diagnosis.causes import conclude
from gatepost.diagnosis.order_findings import MOST, weigh_text
from gatepost.diagnosis.ranking.features import Feature, find_features
from gatepost.diagnosis.ranking.model import Model, load_model
from gatepost.diagnosis.signs.log_statements import Reading
from gatepost.diagnosis.signs.relevance import (
    find_failure,
    has_ended_well,
    is_about_mail,
    is_delivered,
)
from gatepost.model.evidence import Evidence
from gatepost.model.finding import Confidence, Finding

_LEAST: Final = 0.015
"""Minimum probability for naming a cause."""
_LEAST_WITHOUT_TEXT: Final = 0.16
"""The same of the first cause, if no text in the log is known."""
_FAR_BEHIND: Final = 0.03
"""The part of the first cause's probability from which on another cause is named."""
_FAR_BEHIND_CERTAIN: Final = 0.1
"""The same if the first cause is certain."""
_TIE: Final = 0.8
"""From this part on, two causes fit equally."""
_MOST_PROOFS: Final = 4


def judge_log(seen: Evidence, by_rules: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the causes of a log, the most likely first; ``by_rules`` are what rules concluded."""
    reading = Reading(seen)
    if is_delivered(reading) or has_ended_well(reading) or not is_about_mail(reading):
        return tuple(by_rules)
    return judge(reading, tuple(by_rules), load_model())


def conclude_from_texts(seen: Evidence) -> tuple[Finding, ...]:
    """Return what the texts of a recorded session indicate, comparable with findings of rules. It
    hides nothing, so a mere possibility is none."""
    likely = (each for each in judge_log(seen, ()) if each.confidence != "possible")
    return tuple(map(weigh_text, likely))


def judge(
    reading: Reading, by_rules: tuple[Finding, ...], model: Model,
    candidates: Collection[str] = (),
) -> tuple[Finding, ...]:  # fmt: skip
    """Return the causes that a model finds in ``reading``, the most likely first; only
    ``candidates`` if there are any."""
    features = find_features(reading, by_rules, model.lexicon)
    if not any(each.proof for each in features.values()):
        failure = find_failure(reading)
        if not failure:
            return ()
        features["failure"] = Feature(failure)
    chances = model.estimate(features, candidates)
    proven = {each.id for each in by_rules if each.confidence == "certain"}.intersection(chances)
    ranked = sorted(chances, key=lambda cause: -chances[cause])
    ranked = [*ranked[:MOST], *(each for each in ranked[MOST:] if each in proven)]
    highest = chances[ranked[0]]
    if "failure" in features and highest < _LEAST_WITHOUT_TEXT:
        return ()
    if candidates:
        ranked = [cause for cause in ranked if _is_said(cause, model, features)]
    of_rules = {each.id: each for each in by_rules}
    findings = tuple(_leave_ties([
        _conclude(cause, chances[cause], model, features, of_rules.get(cause)) for cause in ranked
    ]))  # fmt: skip
    least = least_chance(highest, is_certain=_is_certain(findings))
    return tuple(each for each in findings if each.fit >= least or each.id in proven)


def least_chance(highest: float, *, is_certain: bool) -> float:
    """Return the probability from which on a cause is named, by that of the first, and whether the
    first is certain."""
    return max(_LEAST, highest * (_FAR_BEHIND_CERTAIN if is_certain else _FAR_BEHIND))


def _is_certain(findings: Sequence[Finding]) -> bool:
    return bool(findings) and findings[0].confidence == "certain"


def _is_said(cause: str, model: Model, features: Mapping[str, Feature]) -> bool:
    """Tell whether words or a status speak for a cause, not only a code."""
    return any(name.startswith(_WORDS) for name in model.explain(cause, features))


_WORDS: Final = ("text ", "phrase ", "sign ", "status ")


def _conclude(
    cause: str,
    chance: float,
    model: Model,
    features: Mapping[str, Feature],
    by_rule: Finding | None,
) -> Finding:
    """Return the finding, with the proofs that weigh most."""
    telling = model.explain(cause, features)
    proof = _prove(features[each] for each in telling)
    has_rule = by_rule is not None and by_rule.confidence == "certain"
    is_proven = has_rule or any(_is_proof(features[each], cause) for each in telling)
    limits = model.limits
    confidence: Confidence = (
        "certain" if is_proven and chance >= limits["certain"]
        else "likely" if has_rule or chance >= limits["likely"] else "possible"
    )  # fmt: skip
    if by_rule is not None:
        proof = tuple(dict.fromkeys((*by_rule.proof, *proof)))
        next_probe = by_rule.next_probe if confidence == "certain" else None
        found = conclude(
            cause, confidence, *proof[:_MOST_PROOFS], summary=by_rule.summary, fix=by_rule.fix,
            phase=by_rule.position, next_probe=next_probe,
        )  # fmt: skip
    else:
        found = conclude(cause, confidence, *(proof or _any_proof(features))[:_MOST_PROOFS])
    return replace(found, fit=chance)


def _prove(features: Iterable[Feature]) -> tuple[str, ...]:
    """Return the proofs of features, each sentence once, with who says so in the catalogue."""
    speakers: dict[str, str] = {}
    for feature in features:
        if feature.proof:
            speakers[feature.proof] = speakers.get(feature.proof) or _name_speakers(feature)
    return tuple(f"{proof}{who}" for proof, who in speakers.items())


def _name_speakers(feature: Feature) -> str:
    if feature.text is None:
        return ""
    first, *others = feature.text.speakers.split("; ")
    more = f" and {len(others)} more" if others else ""
    return f" (words of {first}{more})"


def _any_proof(features: Mapping[str, Feature]) -> tuple[str, ...]:
    """Return the first text that there is, if only circumstances speak for a cause."""
    return tuple(each.proof for each in features.values() if each.proof)[:1]


def _is_proof(feature: Feature, cause: str) -> bool:
    """Tell whether it is a text that has this cause only."""
    text = feature.text
    return (
        text is not None
        and text.proves
        and max(text.weights, key=text.weights.__getitem__) == cause
    )


def _leave_ties(findings: list[Finding]) -> Iterator[Finding]:
    """Yield the findings; if two fit almost equally, neither is certain."""
    if not findings:
        return
    first = findings[0]
    is_tie = len(findings) > 1 and findings[1].fit >= first.fit * _TIE
    for finding in findings:
        if is_tie and finding.confidence == "certain":
            yield replace(finding, confidence="likely")
        else:
            yield finding
