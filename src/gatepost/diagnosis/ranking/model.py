"""The trained model: a weight of each feature for each cause, added up to probabilities.

``make train`` writes ``model.json``, ``weights.tsv`` and ``texts.tsv`` from labelled cases
(``accuracy/train.py``).
"""

import json
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib.resources import files
from math import exp
from typing import Any, Final, NamedTuple, Self

from gatepost.diagnosis.ranking.features import Feature
from gatepost.diagnosis.ranking.lexicon import Lexicon
from gatepost.diagnosis.ranking.weights import WeightTable


class Model(NamedTuple):
    """``bias``: the weight of a cause without any feature; ``weights``: those of all features but
    texts, which have their own."""

    bias: Mapping[str, float]
    weights: WeightTable
    lexicon: Lexicon
    limits: Mapping[str, float]
    """The probability from which on a finding is ``likely``, and a proven one ``certain``."""
    digest: str = ""
    """Of what it was trained from."""

    def estimate(
        self, features: Mapping[str, Feature], candidates: Collection[str] = ()
    ) -> dict[str, float]:
        """Return the probability of each cause; only of ``candidates`` if there are any."""
        scores = dict(self.bias)
        for name in features:
            for cause, weight in self.weigh(name, features).items():
                scores[cause] += weight
        if candidates:
            scores = {cause: score for cause, score in scores.items() if cause in candidates}
        highest = max(scores.values())
        odds = {cause: exp(score - highest) for cause, score in scores.items()}
        total = sum(odds.values())
        return {cause: each / total for cause, each in odds.items()}

    def weigh(self, name: str, features: Mapping[str, Feature]) -> Mapping[str, float]:
        """Return the weights of a feature, by cause."""
        text = features[name].text
        if text is not None:
            return text.weights
        weights = self.weights.find(name)
        kind, _, cause = name.partition(" ")
        if kind == "rule" and not weights and cause.endswith(_PROVEN):
            return {cause.removesuffix(_PROVEN): _UNTRAINED}
        return weights

    def explain(self, cause: str, features: Mapping[str, Feature]) -> list[str]:
        """Return the features that speak for ``cause``, the strongest first."""
        own = {name: self.weigh(name, features).get(cause, 0.0) for name in features}
        return sorted((name for name in own if own[name] > LEAST), key=lambda name: -own[name])

    @classmethod
    def read(
        cls, document: Mapping[str, Any], weights: Sequence[str], texts: Sequence[str]
    ) -> Self:
        """Return the model of a parsed ``model.json`` and the lines of ``weights.tsv`` and
        ``texts.tsv``."""
        return cls(
            document["bias"],
            WeightTable(weights),
            Lexicon.read(document, texts),
            document["limits"],
            document["digest"],
        )


_PROVEN: Final = " certain"
_UNTRAINED: Final = 4.0
"""The weight of a rule's proof that occurs in no case: that of others before training."""
LEAST: Final = 0.3
"""A weight below this is no argument."""


@cache
def load_model() -> Model:
    """Return the model of this version."""
    weights, texts = (_read(name).splitlines() for name in ("weights.tsv", "texts.tsv"))
    return Model.read(json.loads(_read("model.json")), weights, texts)


def load_validation() -> dict[str, str]:
    """Return how the model did in cross-validation: a line of figures for each source of cases."""
    rows: dict[str, str] = json.loads(_read("model.json"))["validation"]
    return rows


def _read(name: str) -> str:
    return (files("gatepost.diagnosis.ranking") / name).read_bytes().decode()
