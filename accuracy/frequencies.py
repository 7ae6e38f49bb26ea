"""A plain table of conditional frequencies (naive Bayes), to compare the trained ranking with.

It counts how often each feature goes with each cause, drawn to how often it occurs at all.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np

Array = Any  # of numpy, which only training needs
SHRINKAGE: Final = 100.0
"""Cases that the overall frequency of a feature counts for; chosen by cross-validation."""


class Observed(Protocol):
    """A case with what was observed in it."""

    @property
    def features(self) -> frozenset[str]:
        """The names of its features."""

    @property
    def causes(self) -> Mapping[str, float]:
        """Its causes, with their shares."""

    @property
    def weight(self) -> float:
        """How much it counts."""


class FrequencyTable:
    """How often features go with causes."""

    def __init__(self, cases: Sequence[Observed], causes: Sequence[str]) -> None:
        names = sorted({name for each in cases for name in each.features})
        self._rows = {name: at for at, name in enumerate(names)}
        columns = {cause: at for at, cause in enumerate(causes)}
        counts = np.zeros((len(names), len(causes)))
        totals = np.zeros(len(causes))
        for each in cases:
            own = np.zeros(len(causes))
            for cause, share in each.causes.items():
                own[columns[cause]] = share * each.weight
            totals += own
            counts[[self._rows[name] for name in each.features]] += own
        overall = counts.sum(1, keepdims=True) / totals.sum()
        shrunk = (counts + SHRINKAGE * overall) / (totals + SHRINKAGE)
        self._ratios = np.log(shrunk / overall)
        self._prior = np.log(totals + 0.1)

    def estimate(self, features: frozenset[str]) -> Array:
        """Return the probability of each cause."""
        known = [self._rows[name] for name in features if name in self._rows]
        scores = self._prior + self._ratios[known].sum(0)
        odds = np.exp(scores - scores.max())
        result: Array = odds / odds.sum()
        return result
