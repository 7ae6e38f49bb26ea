"""Ranks the true cause among the findings, case by case."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from accuracy.cases import Case
from gatepost.doctor.conclude import diagnose_evidence
from gatepost.doctor.logs import read_log

AMONG = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """A case and the ids of the doctor's findings, in order."""

    case: Case
    found: tuple[str, ...]

    @property
    def first(self) -> bool:
        """The true cause came first."""
        return self.found[:1] == (self.case.cause,)

    @property
    def among(self) -> bool:
        """It was one of the first three."""
        return self.case.cause in self.found[:AMONG]


def judge(cases: Iterable[Case]) -> list[Outcome]:
    """Return the doctor's result for each case."""
    return [Outcome(case, found(case)) for case in cases]


def found(case: Case) -> tuple[str, ...]:
    """Return the ids of the findings of one case."""
    diagnosis = diagnose_evidence(read_log(case.log, case.server, case.client))
    return tuple(finding.id for finding in diagnosis.findings)


def shares(outcomes: list[Outcome]) -> tuple[float, float]:
    """Return the fractions of cases with the true cause first, and among the first three."""
    count = len(outcomes) or 1
    return sum(each.first for each in outcomes) / count, sum(e.among for e in outcomes) / count


def table(outcomes: list[Outcome]) -> Iterator[str]:
    """Yield the table: a line for each cause, the most frequent first, and the sum."""
    by_cause: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_cause.setdefault(outcome.case.cause, []).append(outcome)
    yield f"{'cause':<36} {'cases':>5} {'first':>5} {'three':>5}"
    for cause, own in sorted(by_cause.items(), key=lambda item: (-len(item[1]), item[0])):
        yield _row(cause, own)
    yield _row("all", outcomes)
    first, three = shares(outcomes)
    yield f"{'':<36} {'':>5} {first:>5.0%} {three:>5.0%}"


def misses(outcomes: list[Outcome]) -> Iterator[str]:
    """Yield a line for each case whose true cause did not come first."""
    for each in outcomes:
        if not each.first:
            got = ", ".join(each.found[:AMONG]) or "nothing"
            yield f"{each.case.id}: {each.case.cause}, found {got}"


def _row(name: str, outcomes: list[Outcome]) -> str:
    first = sum(each.first for each in outcomes)
    return f"{name:<36} {len(outcomes):>5} {first:>5} {sum(e.among for e in outcomes):>5}"
