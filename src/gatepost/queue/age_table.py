"""How old a queue is: numbers of deliveries by age, in rows, as Postfix's qshape counts them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

EDGES: Final = tuple([300 << power for power in range(9)])
"""Where a column ends and the next one begins, in seconds: 5, 10, 20, 40 ... 1280 minutes. The last
column has no end."""
MOST_ROWS: Final = 1_000
"""Rows in memory; what belongs to further ones is counted together."""


class AgeRow:
    """Numbers of deliveries by age."""

    __slots__ = ("ages", "oldest", "oldest_at")

    def __init__(self) -> None:
        self.ages = [0] * (len(EDGES) + 1)
        """The numbers by column, the youngest first."""
        self.oldest = ""
        """The id of the oldest delivery."""
        self.oldest_at: datetime | None = None
        """When its message was accepted; None: there is none."""

    @property
    def total(self) -> int:
        """The number of deliveries."""
        return sum(self.ages)

    def count(self, column: int, id_: str, at: datetime) -> None:
        """Count a delivery whose message was accepted at a time."""
        self.ages[column] += 1
        self._note_oldest(id_, at)

    def add(self, other: "AgeRow") -> None:
        """Add another row to this one."""
        self.ages = [one + more for one, more in zip(self.ages, other.ages, strict=True)]
        if other.oldest_at is not None:
            self._note_oldest(other.oldest, other.oldest_at)

    def _note_oldest(self, id_: str, at: datetime) -> None:
        if self.oldest_at is None or at < self.oldest_at:
            self.oldest, self.oldest_at = id_, at


class AgeTable:
    """Counts deliveries by key and age. However many keys there are, its size is bounded."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self.whole = AgeRow()
        """All of them, each once."""
        self._rows: dict[str, AgeRow] = {}
        self._others = AgeRow()

    def count(self, keys: Iterable[str], id_: str, at: datetime) -> None:
        """Count a delivery, in the row of each of its keys; its message was accepted at a time."""
        seconds = (self._now - at).total_seconds()
        column = next((place for place, edge in enumerate(EDGES) if seconds < edge), len(EDGES))
        self.whole.count(column, id_, at)
        for key in keys:
            row = self._rows.get(key)
            if row is None and len(self._rows) < MOST_ROWS:
                row = self._rows[key] = AgeRow()
            (self._others if row is None else row).count(column, id_, at)

    def largest(self, limit: int) -> tuple[Mapping[str, AgeRow], AgeRow]:
        """Return the rows with the most deliveries, in that order, and the sum of all others."""
        ordered = sorted(self._rows.items(), key=lambda item: (-item[1].total, item[0]))
        others = AgeRow()
        others.add(self._others)
        for _, row in ordered[limit:]:
            others.add(row)
        return dict(ordered[:limit]), others
