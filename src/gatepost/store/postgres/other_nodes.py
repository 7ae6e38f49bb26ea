"""Decides which other nodes are dead: those that have not shown for a while that they live."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

LOOK: Final = 1.0
"""The most seconds between two looks."""
GAP: Final = 1 / 3
"""The part of ``dead_after`` without a look after which the judge may have been asleep itself, but
at least two looks."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A beat of another node, and when it was seen first, by the clock of who judges."""

    beat: int
    at: float


class OtherNodes:
    """The beats of other nodes, by their epochs.

    Only the judge's own clock counts. While it could not look, because it was stopped or the
    database was away, nobody's silence counts.
    """

    def __init__(self, dead_after: float) -> None:
        self._dead_after = dead_after
        self._gap = max(dead_after * GAP, 2 * LOOK)
        self._seen: Mapping[int, Seen] = {}
        self._looked = float("-inf")

    def look(self, beats: Mapping[int, int], now: float) -> Iterable[tuple[int, int]]:
        """Note what was seen ``now``, in seconds; return the epochs and beats of the dead."""
        was_asleep = now - self._looked > self._gap
        before = {} if was_asleep else self._seen
        self._looked = now
        self._seen = {
            epoch: before[epoch]
            if epoch in before and before[epoch].beat == beat
            else Seen(beat, now)
            for epoch, beat in beats.items()
        }
        return [
            (epoch, seen.beat)
            for epoch, seen in self._seen.items()
            if now - seen.at >= self._dead_after
        ]
