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
class Beat:
    """The number of a node's last beat, and the seconds for which it may be silent: its own row
    says so, because the node stops before they are over."""

    number: int
    dead_after: float


class OtherNodes:
    """The beats of other nodes, by their epochs.

    Only the judge's own clock counts. While it could not look, because it was stopped or the
    database was away, nobody's silence counts.
    """

    def __init__(self) -> None:
        self._seen: dict[int, tuple[Beat, float]] = {}
        """Each with the time when it was seen first, by the clock of who judges."""
        self._looked = float("-inf")

    def look(self, beats: Mapping[int, Beat], now: float) -> Iterable[tuple[int, Beat]]:
        """Note what was seen ``now``, in seconds; return those of the dead."""
        pause, self._looked = now - self._looked, now
        self._seen = {
            epoch: (beat, self._first_seen(epoch, beat, pause, now))
            for epoch, beat in beats.items()
        }
        return [
            (epoch, beat)
            for epoch, (beat, first) in self._seen.items()
            if now - first >= beat.dead_after
        ]

    def spare(self, epoch: int, now: float) -> None:
        """Judge one of the dead as if its beat was first seen ``now``."""
        beat, _ = self._seen[epoch]
        self._seen[epoch] = beat, now

    def _first_seen(self, epoch: int, beat: Beat, pause: float, now: float) -> float:
        before, first = self._seen.get(epoch, (None, now))
        was_asleep = pause > max(beat.dead_after * GAP, 2 * LOOK)
        return now if was_asleep or before != beat else first
