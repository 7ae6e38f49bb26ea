"""Text for people: columns that a terminal has room for, and nothing that it would obey."""

import unicodedata
from collections.abc import Sequence
from shutil import get_terminal_size
from typing import Final

import click

WIDTH: Final = 80
"""Where nobody says how wide the terminal is."""
GAP: Final = "  "
NARROWEST: Final = 8
"""Columns that a cell keeps when others need room."""
ROOM: Final = 40
"""Columns that two addresses and some words need."""


def print_rows(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    whole: Sequence[str] = (),
    spare: str = "",
) -> None:
    """Print rows below their titles, cut to the width of a terminal.

    What stands under a title of ``whole`` is never cut: ids, which people copy. What stands under
    ``spare`` is left out where long ids leave little room for the rest.
    """
    width = get_terminal_size((WIDTH, 24)).columns
    cells = [[*titles], *[[safe(each) for each in row] for row in rows]]
    widths = [max(columns(row[index]) for row in cells) for index in range(len(titles))]
    if spare and _room_beside(width, whole, titles, widths) < ROOM:
        at = titles.index(spare)
        cells = [[*row[:at], *row[at + 1 :]] for row in cells]
        titles = cells[0]
        del widths[at]
    room = width - len(GAP) * (len(titles) - 1)
    while sum(widths) > room:
        cut = [each for each, title in enumerate(titles) if title not in whole]
        widest = max(cut, key=lambda each: widths[each], default=None)
        if widest is None or widths[widest] <= NARROWEST:
            break
        widths[widest] -= 1
    for row in cells:
        line = GAP.join(fit(cell, width) for cell, width in zip(row, widths, strict=True))
        click.echo(line.rstrip())


def _room_beside(
    width: int, whole: Sequence[str], titles: Sequence[str], widths: Sequence[int]
) -> int:
    """Return the columns that are left for what may be cut."""
    fixed = [each for title, each in zip(titles, widths, strict=True) if title in whole]
    return width - len(GAP) * (len(titles) - 1) - sum(fixed)


def fit(text: str, width: int) -> str:
    """Cut or fill to ``width`` columns; some characters take two (Unicode annex 11)."""
    if columns(text) > width:
        while columns(text) > width - 1:
            text = text[:-1]
        text += "…"
    return text + " " * (width - columns(text))


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum([_columns_of(character) for character in text])


def _columns_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def safe(text: str) -> str:
    """A terminal must not obey what a stranger sent: no control characters."""
    return "".join([each if each.isprintable() else "�" for each in text])
