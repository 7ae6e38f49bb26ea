"""Text in lines of a width; most East Asian characters take two columns (UAX 11)."""

import textwrap
from typing import Final

_SECOND: Final = "\ue000"
"""Represents a wide character's second column; no printable text contains it."""


def wrapped(text: str, width: int, first: str = "", then: str = "") -> list[str]:
    """Return printable ``text`` in lines that begin with ``first`` and ``then``."""
    counted = _counted(text)
    if counted != text:
        width -= 1  # a line may end between a character's two columns
    lines = textwrap.wrap(
        counted, width, initial_indent=first, subsequent_indent=then, break_on_hyphens=False
    )
    return [line.replace(_SECOND, "") for line in lines]


def padded(text: str, width: int) -> str:
    """Return ``text`` followed by blanks, up to ``width`` columns."""
    return text + " " * (width - len(_counted(text)))


def _counted(text: str) -> str:
    """Return ``text`` with one character per column."""
    if text.isascii():
        return text
    from unicodedata import east_asian_width  # noqa: PLC0415 - most text is ASCII

    return "".join(
        f"{each}{_SECOND}" if east_asian_width(each) in ("W", "F") else each for each in text
    )
