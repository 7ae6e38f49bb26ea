"""Tells how often the doctor is right: case by case, and by what it calls certain."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from accuracy.cases import Case
from gatepost.doctor.conclude import diagnose_log
from gatepost.model.finding import Confidence

AMONG: Final = 3
CONFIDENCES: Final[tuple[Confidence, ...]] = ("certain", "likely", "possible")


@dataclass(frozen=True, slots=True)
class RankedCase:
    """A case and the causes that the doctor finds, in order."""

    case: Case
    causes: tuple[str, ...]
    confidence: Confidence | None = None
    """That of the first cause."""

    @property
    def is_first(self) -> bool:
        """The true cause came first."""
        return bool(self.causes) and self._is_true(self.causes[0])

    @property
    def is_among_first(self) -> bool:
        """It was one of the first three."""
        return any(map(self._is_true, self.causes[:AMONG]))

    def _is_true(self, cause: str) -> bool:
        return cause == self.case.cause or cause in self.case.also


@dataclass(frozen=True, slots=True)
class Score:
    """How often the doctor is right about some cases."""

    cases: int
    first: int
    among: int
    unknown: int
    """Cases without any cause."""
    by_confidence: Mapping[str, tuple[int, int]]
    """Of each confidence of the first cause: how many cases, and how many of them are right."""

    def __str__(self) -> str:
        """Return a row of the table."""
        total = self.cases or 1
        shares = (self.first / total, self.among / total, self.unknown / total)
        cells = [f"{share:>8.1%}" for share in shares]
        for confidence in CONFIDENCES:
            count, right = self.by_confidence.get(confidence, (0, 0))
            cells.append(f"{count:>6} {right / count:>6.1%}" if count else f"{0:>6} {'-':>6}")
        return f"{self.cases:>6}{''.join(cells[:3])}{'  '.join(('', *cells[3:]))}"


HEADING: Final = (
    f"{'source':<24}{'cases':>6}{'first':>8}{'three':>8}{'unknown':>8}"
    f"{'  certain, right':>15}{'likely, right':>15}{'possible, right':>16}"
)


def judge(cases: Iterable[Case]) -> list[RankedCase]:
    """Return the doctor's result for each case."""
    return [rank_causes(case) for case in cases]


def rank_causes(case: Case) -> RankedCase:
    """Return the ids of the causes that the doctor finds in a case."""
    findings = diagnose_log(case.log, case.server, case.client).findings
    confidence = findings[0].confidence if findings else None
    return RankedCase(case, tuple(finding.id for finding in findings), confidence)


def score(ranked: list[RankedCase]) -> Score:
    """Return how often the doctor was right."""
    by_confidence: dict[str, tuple[int, int]] = {}
    for confidence in CONFIDENCES:
        own = [each for each in ranked if each.confidence == confidence]
        by_confidence[confidence] = (len(own), sum(each.is_first for each in own))
    return Score(
        len(ranked),
        sum(each.is_first for each in ranked),
        sum(each.is_among_first for each in ranked),
        sum(not each.causes for each in ranked),
        by_confidence,
    )


def by_cause(ranked: list[RankedCase]) -> Iterator[str]:
    """Yield a line for each cause, the most frequent first."""
    groups: dict[str, list[RankedCase]] = {}
    for each in ranked:
        groups.setdefault(each.case.cause, []).append(each)
    yield f"{'cause':<36} {'cases':>5} {'first':>5} {'three':>5}"
    for cause, own in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        first, among = (
            sum(each.is_first for each in own),
            sum(each.is_among_first for each in own),
        )
        yield f"{cause:<36} {len(own):>5} {first:>5} {among:>5}"


def misses(ranked: list[RankedCase]) -> Iterator[str]:
    """Yield a line for each case whose true cause did not come first."""
    for each in ranked:
        if not each.is_first:
            got = ", ".join(each.causes[:AMONG]) or "nothing"
            yield f"{each.case.id}: {each.case.cause}, found {got}"
