"""``python -m accuracy``: prints how often the doctor names the true cause of a log."""

import argparse
import sys
from pathlib import Path

from accuracy.cases import Case, corpus_cases, thread_cases
from accuracy.measure import HEADING, Score, by_cause, judge, misses, score
from accuracy.sources import training_cases, unseen_cases
from gatepost.diagnosis.ranking.model import load_validation

KNOWN, UNSEEN, UNSEEN_AMONG, CERTAIN, UNKNOWN = 0.95, 0.88, 0.94, 0.98, 0.03
"""What is required: first among known and unseen cases, among three; certain; without a cause."""


def main() -> int:
    """Print the tables; return 1 if the doctor falls short of what is required."""
    parser = argparse.ArgumentParser(prog="accuracy", description=__doc__)
    parser.add_argument("--corpus", type=Path, help="further cases as JSON lines")
    parser.add_argument("--causes", action="store_true", help="also by cause")
    parser.add_argument("--misses", action="store_true", help="name the cases that were missed")
    arguments = parser.parse_args()
    groups: dict[str, list[Case]] = {}
    for source, case in training_cases():
        groups.setdefault(f"{source} (trained)", []).append(case)
    groups["unseen"] = list(unseen_cases())
    if arguments.corpus is not None:
        with arguments.corpus.open(encoding="utf-8") as lines:
            read = thread_cases if '"paste"' in lines.readline() else corpus_cases
        groups[arguments.corpus.name] = list(read(arguments.corpus))
    print(HEADING)
    scores = {}
    for source, cases in groups.items():
        ranked = judge(cases)
        scores[source] = score(ranked)
        print(f"{source:<24}{scores[source]}")
        if arguments.causes:
            print("\n".join(by_cause(ranked)))
        if arguments.misses:
            print("\n".join(misses(ranked)))
    print("\nin cross-validation, when it was trained:")
    for source, row in load_validation().items():
        print(f"{source:<24}{row}")
    return 0 if is_enough(scores["corpus (trained)"], scores["unseen"]) else 1


def is_enough(known: Score, unseen: Score) -> bool:
    """Tell whether the doctor is right as often as it must be."""
    certain, right = unseen.by_confidence["certain"]
    return (
        known.first >= KNOWN * known.cases
        and unseen.first >= UNSEEN * unseen.cases
        and unseen.among >= UNSEEN_AMONG * unseen.cases
        and right >= CERTAIN * certain
        and unseen.unknown <= UNKNOWN * unseen.cases
    )


if __name__ == "__main__":
    sys.exit(main())
