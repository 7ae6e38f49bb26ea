"""``python -m accuracy [--corpus FILE] [--misses]``: prints the table by cause."""

import argparse
import hashlib
import sys
from pathlib import Path

from accuracy.cases import AMBIGUOUS, Case, corpus_cases, our_cases
from accuracy.measure import judge, misses, shares, table

FIRST, AMONG = 0.92, 0.97
"""The required shares for literal cases."""


def main() -> int:
    """Print the tables; return 1 if the literal cases of the corpus fall short."""
    parser = argparse.ArgumentParser(prog="accuracy", description=__doc__)
    parser.add_argument("--corpus", type=Path, help="cases as JSON lines")
    parser.add_argument("--misses", action="store_true", help="name the cases that were missed")
    arguments = parser.parse_args()
    _show("our own cases", list(our_cases()), arguments.misses)
    _show("texts with several causes", list(our_cases(AMBIGUOUS)), arguments.misses)
    if arguments.corpus is None:
        print("\nno corpus: skipped (give one with CORPUS=FILE)")
        return 0
    cases = list(corpus_cases(arguments.corpus))
    literal = [case for case in cases if case.literal]
    _show(
        f"{arguments.corpus.name}: cases with quoted text or transcript", literal, arguments.misses
    )
    for half in (0, 1):
        part = [case for case in literal if _half(case) == half]
        first, three = shares(judge(part))
        print(f"half {half}: {len(part)} cases, first {first:.1%}, among three {three:.1%}")
    described = [case for case in cases if not case.literal]
    _show(f"{arguments.corpus.name}: cases that are only described", described, arguments.misses)
    first, three = shares(judge(literal))
    return 0 if first >= FIRST and three >= AMONG else 1


def _half(case: Case) -> int:
    """Return the half of a case. Rules were written with half 0 only; half 1 shows their worth
    for other cases."""
    return hashlib.sha256(case.id.encode()).digest()[0] % 2


def _show(title: str, cases: list[Case], name_misses: bool) -> None:
    outcomes = judge(cases)
    print(f"\n{title}\n")
    print("\n".join(table(outcomes)))
    if name_misses:
        print("\n".join(misses(outcomes)))


if __name__ == "__main__":
    sys.exit(main())
