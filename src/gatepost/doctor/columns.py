"""Text in lines of so many columns; most characters of East Asia take two (UAX 11)."""

import textwrap
from typing import Final

_SECOND: Final = "\ue000"
"""Stands for a wide character's second column; no printable text has it."""


def wrapped(text: str, width: int, first: str = "", then: str = "") -> list[str]:
    """Return printable ``text`` in lines, ``first`` and ``then`` before them."""
    counted = _counted(text)
    if counted != text:
        width -= 1  # a line may end between a character's two columns
    lines = textwrap.wrap(
        counted, width, initial_indent=first, subsequent_indent=then, break_on_hyphens=False
    )
    return [line.replace(_SECOND, "") for line in lines]


def padded(text: str, width: int) -> str:
    """Return ``text`` with blanks behind it, up to ``width`` columns."""
    return text + " " * (width - len(_counted(text)))


def _counted(text: str) -> str:
    """Return ``text`` with as many characters as it has columns."""
    if text.isascii():
        return text
    from unicodedata import east_asian_width  # noqa: PLC0415 - most text is ASCII

    return "".join(
        f"{each}{_SECOND}" if east_asian_width(each) in ("W", "F") else each for each in text
    )
