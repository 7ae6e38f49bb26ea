"""``python -m accuracy.train``: trains the ranking from labelled cases, and writes its files.

The model is a softmax regression. Each weight is drawn to what the catalogue says (its prior), and
moves away as far as cases demand; so texts that no case has still count for what they mean. Cases
in cross-validation tell how much a probability is worth: which confidence it deserves.
"""

import argparse
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.sparse import csr_matrix

from accuracy.cases import Case
from accuracy.catalogue_files import (
    MergedText,
    digest,
    merge_texts,
    read_codes,
    read_concepts,
    read_frames,
    read_phrases,
)
from accuracy.frequencies import FrequencyTable
from accuracy.measure import AMONG, CONFIDENCES, HEADING, Score
from accuracy.sources import training_cases
from gatepost.diagnosis.causes import CAUSES
from gatepost.diagnosis.ranking.concepts import Concepts
from gatepost.diagnosis.ranking.features import SIGNS_BY_NAME, describe_text
from gatepost.diagnosis.ranking.known_texts import Text
from gatepost.diagnosis.ranking.lexicon import Lexicon, name_signs, read_sign
from gatepost.diagnosis.ranking.rank_causes import least_chance
from gatepost.diagnosis.ranking.weights import pack_weights
from gatepost.diagnosis.signs.sign import Sign
from gatepost.doctor.conclude import observe_log, observe_refusals

Array = Any  # of numpy, which only training needs

RANKING: Final = Path(__file__).parent.parent / "src" / "gatepost" / "diagnosis" / "ranking"
ALL_CAUSES: Final = tuple(CAUSES)
_INDEX: Final = {cause: at for at, cause in enumerate(ALL_CAUSES)}
FOLDS: Final = 5


@dataclass(frozen=True)
class Strengths:
    """How strongly each kind of knowledge speaks before any case was seen, and how firmly weights
    are drawn to that."""

    rule: Mapping[str, float]
    text: float = 4.0
    proof: float = 3.0
    sign: float = 1.0
    code: float = 1.0
    past: float = 1.5
    step: float = 0.4
    pull: float = 0.3
    word_pull: float = 0.7
    catalogue_case: float = 0.05
    """The weight of a text by itself as a case."""
    catalogue_words: float = 0.2
    """The weight of its words as a case."""


STRENGTHS: Final = Strengths({"certain": 4.0, "likely": 2.5, "possible": 1.0})
"""Chosen by cross-validation."""


@dataclass(frozen=True)
class Sample:
    """A case as features; ``group``: cases of one repository stay in the same fold."""

    features: frozenset[str]
    causes: Mapping[str, float]
    weight: float
    group: str
    source: str = ""


@dataclass(frozen=True)
class Knowledge:
    """What is known without cases."""

    texts: Mapping[str, MergedText]
    phrases: Mapping[str, Sign]
    codes: Mapping[str, Mapping[str, float]]
    """Features of codes and status codes, with their causes."""
    strengths: Strengths

    def prior(self, feature: str) -> dict[str, float]:
        """Return the weights that a feature begins with, by cause."""
        kind, _, rest = feature.partition(" ")
        strong = self.strengths
        if kind == "rule":
            cause, _, confidence = rest.partition(" ")
            return {cause: strong.rule[confidence]}
        sign = SIGNS_BY_NAME.get(feature) or self.phrases.get(feature)
        if sign is not None:
            return {sign.id: -strong.sign if sign.against else strong.sign}
        if kind == "text" and rest in self.texts:
            text = self.texts[rest]
            height = strong.text + (strong.proof if text.proves else 0)
            return _spread(text.causes, height)
        if kind == "past":
            return {cause.id: -strong.past for cause in CAUSES.values() if cause.phase == rest}
        if kind in ("step", "frame", "refused"):
            return {cause.id: strong.step for cause in CAUSES.values() if cause.phase == rest}
        if kind == "greeted":
            return {"connection_redirected_by_network": strong.sign}
        height = strong.code if kind in ("code", "status", "provider") else strong.code / 2
        return _spread(self.codes.get(feature, {}), height)

    def features(self) -> set[str]:
        """Return all features that mean something without any case."""
        texts = {f"text {words}" for words in self.texts}
        return texts | set(self.phrases) | set(SIGNS_BY_NAME) | set(self.codes)


def _spread(causes: Mapping[str, float], height: float) -> dict[str, float]:
    total = sum(causes.values())
    return {cause: height * (share / total) ** 0.8 for cause, share in causes.items()}


def gather_knowledge(strengths: Strengths = STRENGTHS) -> Knowledge:
    """Read the catalogue."""
    phrases = name_signs("phrase", map(read_sign, read_phrases()))
    return Knowledge(merge_texts(), phrases, read_codes(), strengths)


def read_lexicon(knowledge: Knowledge) -> Lexicon:
    """Return what to find features with."""
    return Lexicon.read(_read_catalogue(), _pack_texts(knowledge, {}))


def sample(case: Case, lexicon: Lexicon, source: str) -> Sample:
    """Return a case as features."""
    features = frozenset(observe_log(case.log, case.server, case.client, lexicon))
    share = (1 - FIRST_SHARE) / len(case.also) if case.also else 0.0
    causes = {case.cause: FIRST_SHARE if case.also else 1.0} | dict.fromkeys(case.also, share)
    return Sample(features, causes, 1.0, case.origin or case.id, source)


FIRST_SHARE: Final = 0.6
"""What the cause of a case counts if others are as defensible: it still comes first."""
REFUSALS: Final = "refusals"
"""The source of samples that are refusals alone, as a probe sees them."""


def refusal_sample(case: Case, lexicon: Lexicon) -> Sample:
    """Return only the refusals of a case as features."""
    features = frozenset(observe_refusals(case.log, case.server, case.client, lexicon))
    return Sample(features, {case.cause: 1.0}, REFUSAL_WEIGHT, case.origin or case.id, REFUSALS)


REFUSAL_WEIGHT: Final = 0.5


def catalogue_samples(knowledge: Knowledge) -> list[Sample]:
    """Return each text of the catalogue as two cases: as itself, and as its words, from which texts
    are understood that are not in the catalogue."""
    strong = knowledge.strengths
    concepts = Concepts(read_concepts())
    samples = []
    for words, text in knowledge.texts.items():
        total = sum(text.causes.values())
        causes = {cause: share / total for cause, share in text.causes.items()}
        itself = {f"text {words}", *(f"step {each}" for each in text.steps)}
        own_words = describe_text(words.replace("*", " "), concepts)
        samples += [
            Sample(frozenset(itself), causes, strong.catalogue_case, f"text {words}"),
            Sample(frozenset(own_words), causes, strong.catalogue_words, f"text {words}"),
        ]
    return samples


def fit(samples: Sequence[Sample], knowledge: Knowledge) -> tuple[Array, Array, list[str]]:
    """Return weights, biases and the names of the features: the rows of the weights."""
    names = _name_features(samples, knowledge)
    rows = {name: at for at, name in enumerate(names)}
    truth = np.zeros((len(samples), len(_INDEX)), dtype=np.float32)
    weight = np.zeros((len(samples), 1), dtype=np.float32)
    columns: list[int] = []
    starts = [0]
    for at, each in enumerate(samples):
        columns += (found := [rows[name] for name in sorted(each.features) if name in rows])
        starts.append(starts[-1] + len(found))
        weight[at] = each.weight
        for cause, share in each.causes.items():
            truth[at, _INDEX[cause]] = share
    inputs = csr_matrix((np.ones(len(columns), dtype=np.float32), columns, starts),
                        shape=(len(samples), len(names)))  # fmt: skip
    prior = np.zeros((len(names), len(_INDEX)), dtype=np.float32)
    for name, at in rows.items():
        for cause, value in knowledge.prior(name).items():
            prior[at, _INDEX[cause]] = value
    strong = knowledge.strengths
    pull = np.array([[strong.word_pull if each.startswith(("word ", "about ")) else strong.pull]
                     for each in names], dtype=np.float32)  # fmt: skip
    return *_descend(inputs, truth, weight, prior, pull), names


def _descend(
    inputs: csr_matrix, truth: Array, weight: Array, prior: Array, pull: Array
) -> tuple[Array, Array]:
    """Minimise the loss by gradient descent (Adam), from the prior."""
    weights, bias = prior.copy(), np.zeros(prior.shape[1], dtype=np.float32)
    moments = [np.zeros_like(each) for each in (weights, weights, bias, bias)]
    for step in range(1, _STEPS + 1):
        scores = inputs @ weights + bias
        scores -= scores.max(1, keepdims=True)
        chances = np.exp(scores)
        chances /= chances.sum(1, keepdims=True)
        miss = weight * (chances - truth)
        rate = _RATE if step < _STEPS * 0.6 else _RATE / 5
        slope = inputs.T @ miss + pull * (weights - prior)
        weights -= rate * _adam(slope, moments[0], moments[1], step)
        bias -= rate * _adam(miss.sum(0) + _BIAS_PULL * bias, moments[2], moments[3], step)
    return weights, bias


_STEPS: Final = 200
_RATE: Final = 0.1
_BIAS_PULL: Final = 0.3


def _adam(slope: Array, mean: Array, square: Array, step: int) -> Array:
    mean *= 0.9
    mean += 0.1 * slope
    square *= 0.999
    square += 0.001 * slope * slope
    return (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)


def _name_features(samples: Iterable[Sample], knowledge: Knowledge) -> list[str]:
    """Return the features that are known beforehand, or occur often enough in cases."""
    counts = Counter(name for each in samples for name in each.features)
    often = {name for name, count in counts.items() if count >= _least(name)}
    return sorted(knowledge.features() | often)


def _least(name: str) -> int:
    return 4 if name.startswith("word ") else 3 if name.startswith("about ") else 2


def predict(features: Iterable[str], weights: Array, bias: Array, rows: Mapping[str, int]) -> Array:
    """Return the probabilities of all causes."""
    known = [rows[each] for each in features if each in rows]
    scores = bias + weights[known].sum(0)
    odds = np.exp(scores - scores.max())
    return odds / odds.sum()


def cross_validate(
    cases: Sequence[Sample], others: Sequence[Sample], knowledge: Knowledge
) -> list[Array]:
    """Return the probabilities for each case by a model that was trained without its fold."""
    results: dict[int, Array] = {}
    for fold in range(FOLDS):
        kept = [each for each in cases if _fold_of(each) != fold]
        weights, bias, names = fit([*kept, *others], knowledge)
        rows = {name: at for at, name in enumerate(names)}
        for at, each in enumerate(cases):
            if _fold_of(each) == fold:
                results[at] = predict(each.features, weights, bias, rows)
    return [results[at] for at in range(len(cases))]


def _fold_of(sample: Sample) -> int:
    return hashlib.sha256(sample.group.encode()).digest()[0] % FOLDS


def cross_validate_table(cases: Sequence[Sample], others: Sequence[Sample]) -> list[Array]:
    """Return the probabilities for each case by a table of frequencies without its fold."""
    tables = [
        FrequencyTable([*(each for each in cases if _fold_of(each) != fold), *others], ALL_CAUSES)
        for fold in range(FOLDS)
    ]
    return [tables[_fold_of(each)].estimate(each.features) for each in cases]


def _read_catalogue() -> dict[str, Any]:
    """Return what a log is searched for, except texts."""
    return {"phrases": read_phrases(), "frames": read_frames(), "concepts": read_concepts()}


def _pack_texts(knowledge: Knowledge, weights: Mapping[str, Array]) -> list[str]:
    """Return the lines of ``texts.tsv``."""
    return sorted(
        Text(words, "; ".join(text.speakers), _round(weights.get(f"text {words}", ())), text.proves)
        .pack() for words, text in knowledge.texts.items()
    )  # fmt: skip


def _pack_others(weights: Mapping[str, Array]) -> Iterator[str]:
    """Yield the lines of ``weights.tsv``: all features but texts."""
    for name in sorted(weights):
        row = _round(weights[name])
        if row and not name.startswith("text "):
            yield f"{name}\t{pack_weights(row)}"


def _round(row: Iterable[float]) -> dict[str, float]:
    """Return the weights that matter, by cause."""
    return {ALL_CAUSES[at]: round(float(value), 2) for at, value in enumerate(row)
            if abs(value) >= _NEGLIGIBLE}  # fmt: skip


_NEGLIGIBLE: Final = 0.1


@dataclass(frozen=True)
class Judged:
    """A case in cross-validation: its first cause, and whether something proves that."""

    source: str
    chance: float
    is_right: bool
    is_among: bool
    is_proven: bool


def judge(case: Sample, chances: Array, knowledge: Knowledge) -> Judged:
    """Return how a model did that has not seen ``case``."""
    order = chances.argsort()[::-1][:AMONG]
    first = ALL_CAUSES[order[0]]
    proofs = {f"text {words}" for words, text in knowledge.texts.items()
              if text.proves and first in text.causes}  # fmt: skip
    is_proven = f"rule {first} certain" in case.features or not proofs.isdisjoint(case.features)
    highest = float(chances.max())
    least = least_chance(highest, is_certain=is_proven and highest >= LEAST_CERTAIN)
    return Judged(
        case.source,
        highest,
        first in case.causes,
        any(ALL_CAUSES[at] in case.causes for at in order if chances[at] >= least),
        is_proven,
    )


def choose_limits(judged: Sequence[Judged]) -> dict[str, float]:
    """Return the lowest probabilities from which on the first cause is right often enough: of what
    is proven, and of the rest."""
    proven = [each for each in judged if each.is_proven]
    certain = max(_lowest(proven, CERTAIN_RIGHT), LEAST_CERTAIN)
    others = [each for each in judged if not (each.is_proven and each.chance >= certain)]
    return {"certain": certain, "likely": _lowest(others, LIKELY_RIGHT)}


def _lowest(judged: Sequence[Judged], share: float) -> float:
    """Return the lowest probability from which on ``share`` of the cases is right."""
    limit, right = 1.0, 0
    for count, each in enumerate(sorted(judged, key=lambda each: -each.chance), 1):
        right += each.is_right
        if right >= share * count:
            limit = each.chance
    return round(limit, 2)


LEAST_CERTAIN: Final = 0.75
"""A proven cause is certain only if it ranks first clearly."""
CERTAIN_RIGHT: Final = 0.985
LIKELY_RIGHT: Final = 0.87
"""A little more than is promised, because new cases are harder."""


def describe(judged: Sequence[Judged], limits: Mapping[str, float]) -> dict[str, str]:
    """Return the figures of each source as ``accuracy`` prints them."""
    rows = {}
    for source in dict.fromkeys(each.source for each in judged):
        own = [each for each in judged if each.source == source]
        groups: dict[str, list[bool]] = {each: [] for each in CONFIDENCES}
        for each in own:
            groups[_confidence(each, limits)].append(each.is_right)
        by_confidence = {name: (len(hits), sum(hits)) for name, hits in groups.items()}
        rows[source] = str(Score(len(own), sum(each.is_right for each in own),
                                 sum(each.is_among for each in own), 0, by_confidence))  # fmt: skip
    return rows


def _confidence(judged: Judged, limits: Mapping[str, float]) -> str:
    if judged.is_proven and judged.chance >= limits["certain"]:
        return "certain"
    return "likely" if judged.chance >= limits["likely"] else "possible"


def main() -> int:
    """Train, tell how well it does in cross-validation, and write the model."""
    argparse.ArgumentParser(prog="train", description=__doc__).parse_args()
    knowledge = gather_knowledge()
    lexicon = read_lexicon(knowledge)
    cases = list(training_cases())
    samples = [sample(case, lexicon, source) for source, case in cases]
    refusals = (refusal_sample(case, lexicon) for _, case in cases if CAUSES[case.cause].seen_in)
    samples += filter(lambda each: each.features, refusals)
    others = catalogue_samples(knowledge)
    judged = [judge(case, chances, knowledge) for case, chances in
              zip(samples, cross_validate(samples, others, knowledge), strict=True)]  # fmt: skip
    limits = choose_limits([each for each in judged if each.source != REFUSALS])
    by_table = [judge(case, chances, knowledge) for case, chances in
                zip(samples, cross_validate_table(samples, others), strict=True)]  # fmt: skip
    validation = describe(judged, limits) | {
        f"{source}, frequencies": row for source, row in describe(by_table, limits).items()
        if source == "threads"
    }  # fmt: skip
    print(HEADING)
    for source, row in validation.items():
        print(f"{source:<24}{row}")
    print(f"{len(knowledge.texts)} texts, {len(samples)} cases, limits {limits}")
    rows, bias, names = fit([*samples, *others], knowledge)
    weights = dict(zip(names, rows, strict=True))
    biases = {cause: round(float(each), 2) for cause, each in zip(ALL_CAUSES, bias, strict=True)}
    document = {
        "digest": digest(), "validation": validation, "limits": limits, "bias": biases,
        **_read_catalogue(),
    }  # fmt: skip
    _write("model.json", [_dump(document)])
    _write("weights.tsv", _pack_others(weights))
    _write("texts.tsv", _pack_texts(knowledge, weights))
    return 0


def _write(name: str, lines: Iterable[str]) -> None:
    (RANKING / name).write_text("".join(f"{line}\n" for line in lines), "utf-8")


def _dump(document: Mapping[str, Any]) -> str:
    """Return the document with one line for each phrase and frame, so that changes can be read."""
    lines = []
    for key, value in document.items():
        if isinstance(value, list):
            rows = ",\n".join(json.dumps(each, ensure_ascii=False) for each in value)
            lines.append(f'"{key}": [\n{rows}\n]')
        else:
            lines.append(f'"{key}": {json.dumps(value)}')
    return "{\n" + ",\n".join(lines) + "\n}"


if __name__ == "__main__":
    sys.exit(main())
