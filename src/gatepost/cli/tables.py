"""Text for people: columns that fit the terminal, without control characters."""

import unicodedata
from collections.abc import Sequence
from shutil import get_terminal_size
from typing import Final

import click

WIDTH: Final = 80
"""The width if the terminal's is unknown."""
GAP: Final = "  "
NARROWEST: Final = 8
"""Minimum width of a cell when others need room."""
ROOM: Final = 40
"""Columns that two addresses and some words need."""


def print_rows(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    whole: Sequence[str] = (),
    spare: str = "",
) -> None:
    """Print rows below their titles, cut to the width of a terminal.

    Columns in ``whole`` are never cut: ids, which people copy. Columns in ``spare`` are left out if
    long ids leave little room for the rest.
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
    """Return the columns that are left for cells that may be cut."""
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
    """Return how many columns of a terminal a text occupies."""
    if text.isascii():
        return len(text)
    return sum([_columns_of(character) for character in text])


def _columns_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def safe(text: str) -> str:
    """Return text without control characters, because text from strangers must not control the
    terminal."""
    return "".join([each if each.isprintable() else "�" for each in text])
