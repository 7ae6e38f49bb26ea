"""Charts as SVG, made here: they print, need no script, and come with a table of their values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gatepost.console.formats import parse_time

HEIGHT: Final = 100
"""Units of the drawing, which is as wide as it is high: the page stretches it."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A metric over time, ready to be drawn."""

    line: str
    """The points of a polyline."""
    area: str
    """The points of the polygon below it."""
    top: float
    """The value at the upper edge."""
    rows: Sequence[tuple[str, float]]
    """Times and values, for the table."""
    last: float
    most: float


def draw(points: Sequence[tuple[str, float]]) -> Chart:
    """Return the chart of values at times, oldest first."""
    values = [value for _, value in points]
    most = max(values, default=0.0)
    top = _round_up(most)
    width = max(1, len(points) - 1)
    line = " ".join(
        f"{at * 100 / width:.2f},{HEIGHT - value / top * HEIGHT:.2f}"
        for at, value in enumerate(values)
    )
    area = f"0,{HEIGHT} {line} 100,{HEIGHT}" if line else ""
    rows = [(f"{parse_time(moment):%H:%M}", value) for moment, value in points]
    return Chart(line, area, top, rows, values[-1] if values else 0.0, most)


def _round_up(value: float) -> float:
    """Return a value that reads well at the edge of a chart."""
    if value <= 0:
        return 1.0
    size = 10.0 ** len(str(int(value))) / 10 if value >= 1 else 0.1
    for factor in (1, 2, 5, 10):
        if value <= size * factor:
            return size * factor
    return size * 100
