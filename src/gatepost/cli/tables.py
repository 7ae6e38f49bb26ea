"""Text for people: columns that fit the terminal, without control characters."""

import sys
import unicodedata
from collections.abc import Sequence
from shutil import get_terminal_size
from typing import Final

import click

from gatepost.model.unprintable import replace_unprintable

WIDTH: Final = 80
"""The width if the terminal's is unknown."""
GAP: Final = "  "
NARROWEST: Final = 8
"""Minimum width of a cell when others need room."""
ROOM: Final = 13
"""Columns that a cell needs to be of use."""


def print_rows(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    whole: Sequence[str] = (),
    spare: Sequence[str] = (),
    otherwise: str = "",
) -> None:
    """Print rows below their titles, cut to the width of a terminal; in a pipe nothing is cut.

    Without rows, print the sentence ``otherwise``, if there is one. Columns in ``whole`` are never
    cut: ids, which people copy. Columns in ``spare`` are left out, one after the other, if the
    others would get too narrow.
    """
    if not rows and otherwise:
        click.echo(otherwise)
        return
    width = get_terminal_size((WIDTH, 24)).columns if is_terminal() else None
    cells = [[*titles], *[[replace_unprintable(each) for each in row] for row in rows]]
    widths = [max(columns(row[index]) for row in cells) for index in range(len(titles))]
    if width is not None:
        for title in spare:
            if _is_tight(width, whole, cells[0], widths):
                at = cells[0].index(title)
                cells = [[*row[:at], *row[at + 1 :]] for row in cells]
                del widths[at]
        _narrow(width, whole, cells[0], widths)
    for row in cells:
        line = GAP.join(fit(cell, width) for cell, width in zip(row, widths, strict=True))
        click.echo(line.rstrip())


def print_fields(fields: Sequence[tuple[str, str]]) -> None:
    """Print the fields of one thing, a line for each; names have at most 9 characters."""
    for name, value in fields:
        click.echo(f"{name:>9}  {replace_unprintable(value)}")


def is_terminal() -> bool:
    """Tell whether the output is shown to somebody, not read by a program."""
    return sys.stdout is not None and sys.stdout.isatty()


def several(values: Sequence[str]) -> str:
    """Return values as one cell: the first and the number of others at a terminal, else all."""
    if not is_terminal():
        return ", ".join(values)
    return values[0] + (f" +{len(values) - 1}" if len(values) > 1 else "") if values else ""


def _is_tight(
    width: int, whole: Sequence[str], titles: Sequence[str], widths: Sequence[int]
) -> bool:
    """Tell whether the cells that may be cut would get too narrow."""
    if sum(widths) + len(GAP) * (len(titles) - 1) <= width:
        return False
    fixed = [each for title, each in zip(titles, widths, strict=True) if title in whole]
    room = width - len(GAP) * (len(titles) - 1) - sum(fixed)
    return room < ROOM * (len(titles) - len(fixed))


def _narrow(width: int, whole: Sequence[str], titles: Sequence[str], widths: list[int]) -> None:
    """Take columns from the widest cells that may be cut, until the rows fit."""
    room = width - len(GAP) * (len(titles) - 1)
    cut = [each for each, title in enumerate(titles) if title not in whole]
    while sum(widths) > room:
        widest = max(cut, key=lambda each: widths[each], default=None)
        if widest is None or widths[widest] <= NARROWEST:
            return
        widths[widest] -= 1


def fit(text: str, width: int) -> str:
    """Cut or fill to ``width`` columns; some characters take two (Unicode annex 11)."""
    if columns(text) > width:
        while columns(text) > width - 1:
            text = text[:-1]
        text += "…"
    return text + " " * (width - columns(text))


def columns(text: str) -> int:
    """Return how many columns of a terminal a text occupies."""
    if text.isascii():
        return len(text)
    return sum([_columns_of(character) for character in text])


def _columns_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
