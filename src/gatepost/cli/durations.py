"""Durations as they are entered: ``90d``, ``12h``."""

import re
from typing import Any, Final

import click

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
_LIFETIME: Final = re.compile(r"(\d{1,9})([smhdwy])")


def span(seconds: float) -> str:
    """Return a duration in its largest unit: ``40 s``, ``5 min``, ``3 h``, ``2 d``."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(max(seconds, 0))} s"


class Lifetime(click.ParamType[float]):
    """``90d``: a number and one of s, m, h, d, w, y. ``hint``: what to use if there is none."""

    name = "TIME"

    def __init__(self, hint: str = "") -> None:
        self._hint = f"; {hint}" if hint else ""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return seconds."""
        match = _LIFETIME.fullmatch(str(value).strip().lower())
        if match is None:
            self.fail(f"{value!r} is not a time such as 90d, 12h or 30m", param, ctx)
        seconds = int(match[1]) * _UNITS[match[2]]
        if not seconds:
            self.fail(f"{value!r} is not a time{self._hint}", param, ctx)
        return float(seconds)
