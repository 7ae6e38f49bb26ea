"""Weights of features, looked up in sorted lines: a log needs few of them, and must not wait for
all to be parsed."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence


class WeightTable:
    """How strongly each feature speaks for each cause."""

    def __init__(self, lines: Sequence[str]) -> None:
        """``lines``: of ``weights.tsv``, sorted: a feature and its weights."""
        self._lines = lines
        self._unpacked: dict[str, Mapping[str, float]] = {}
        """Weights by feature: each cause asks for those of every feature of a log."""

    def find(self, feature: str) -> Mapping[str, float]:
        """Return the weights of a feature, by cause; none if it is not known."""
        if feature not in self._unpacked:
            for line in find_rows(self._lines, feature):
                self._unpacked[feature] = unpack_weights(line[len(feature) + 1 :])
        return self._unpacked.get(feature, {})


def find_rows(lines: Sequence[str], key: str) -> Iterator[str]:
    """Yield the lines whose first column is ``key``."""
    begin = f"{key}\t"
    for at in range(bisect_left(lines, begin), len(lines)):
        if not lines[at].startswith(begin):
            break
        yield lines[at]


def pack_weights(weights: Mapping[str, float]) -> str:
    """Return weights as a column."""
    return " ".join(f"{cause}={weight:g}" for cause, weight in weights.items())


def unpack_weights(column: str) -> dict[str, float]:
    """Return the weights of a column."""
    pairs = (each.split("=") for each in column.split())
    return {cause: float(weight) for cause, weight in pairs}
