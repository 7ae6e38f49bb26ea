"""Where cases come from, and which of them train the ranking."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from accuracy.cases import AMBIGUOUS, OURS, Case, corpus_cases, our_cases, thread_cases

HERE: Final = Path(__file__).parent
EMULATED: Final = OURS / "emulated.jsonl"
"""What clients wrote when the emulator refused them (``python -m accuracy.collect``)."""
THREADS: Final = HERE / "threads"
"""Cases from public threads: their machines' words, without people's names and addresses."""


def training_cases() -> Iterator[tuple[str, Case]]:
    """Yield the cases that train the ranking, each with the name of its source."""
    yield from (("authored", each) for each in our_cases())
    yield from (("ambiguous", each) for each in our_cases(AMBIGUOUS))
    yield from (("emulated", each) for each in thread_cases(EMULATED))
    for each in corpus_cases(THREADS / "corpus.jsonl"):
        yield "corpus" if each.literal else "described", each
    yield from (("threads", each) for each in thread_cases(THREADS / "training.jsonl"))


def unseen_cases() -> Iterator[Case]:
    """Yield the cases that never train anything."""
    yield from thread_cases(THREADS / "unseen.jsonl")
