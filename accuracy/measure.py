"""Ranks the true cause among the findings, case by case."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from accuracy.cases import Case
from gatepost.doctor.conclude import diagnose_evidence
from gatepost.doctor.logs import read_log

AMONG = 3


@dataclass(frozen=True, slots=True)
class RankedCase:
    """A case and the causes that the doctor finds, in order."""

    case: Case
    causes: tuple[str, ...]

    @property
    def is_first(self) -> bool:
        """The true cause came first."""
        return self.causes[:1] == (self.case.cause,)

    @property
    def is_among_first(self) -> bool:
        """It was one of the first three."""
        return self.case.cause in self.causes[:AMONG]


def judge(cases: Iterable[Case]) -> list[RankedCase]:
    """Return the doctor's result for each case."""
    return [RankedCase(case, rank_causes(case)) for case in cases]


def rank_causes(case: Case) -> tuple[str, ...]:
    """Return the ids of the causes that the doctor finds in a case."""
    diagnosis = diagnose_evidence(read_log(case.log, case.server, case.client))
    return tuple(finding.id for finding in diagnosis.findings)


def shares(ranked: list[RankedCase]) -> tuple[float, float]:
    """Return the fractions of cases with the true cause first, and among the first three."""
    count = len(ranked) or 1
    return sum(each.is_first for each in ranked) / count, sum(
        each.is_among_first for each in ranked
    ) / count


def table(ranked: list[RankedCase]) -> Iterator[str]:
    """Yield the table: a line for each cause, the most frequent first, and the sum."""
    by_cause: dict[str, list[RankedCase]] = {}
    for each in ranked:
        by_cause.setdefault(each.case.cause, []).append(each)
    yield f"{'cause':<36} {'cases':>5} {'first':>5} {'three':>5}"
    for cause, own in sorted(by_cause.items(), key=lambda item: (-len(item[1]), item[0])):
        yield _row(cause, own)
    yield _row("all", ranked)
    first, three = shares(ranked)
    yield f"{'':<36} {'':>5} {first:>5.0%} {three:>5.0%}"


def misses(ranked: list[RankedCase]) -> Iterator[str]:
    """Yield a line for each case whose true cause did not come first."""
    for each in ranked:
        if not each.is_first:
            got = ", ".join(each.causes[:AMONG]) or "nothing"
            yield f"{each.case.id}: {each.case.cause}, found {got}"


def _row(name: str, ranked: list[RankedCase]) -> str:
    first = sum(each.is_first for each in ranked)
    return (
        f"{name:<36} {len(ranked):>5} {first:>5} {sum(each.is_among_first for each in ranked):>5}"
    )
