"""Escapes what must not be printed: it could control a terminal, or deceive a reader."""

import re
from typing import Final

_UNUSUAL: Final = re.compile("[^ -~\n]+")
_BLANKS: Final = frozenset("\u00a0\u3000")
"""Blanks in texts of people, though Python does not call them printable."""


def escape_unprintable(text: str) -> str:
    """Return a text or a JSON document with ``\\uXXXX`` for each character that is not printable.

    These are controls (C0 except line feeds, DEL, C1), separators of lines and paragraphs, marks
    that change the direction of text, characters without width, lone surrogates, and unassigned
    characters. What a JSON document means does not change.
    """
    return text if text.isprintable() else _UNUSUAL.sub(_escape_run, text)


def is_printable(character: str) -> bool:
    """Tell whether a character may be printed."""
    return character.isprintable() or character in _BLANKS


def _escape_run(match: re.Match[str]) -> str:
    run = match[0]
    return run if run.isprintable() else "".join(map(_escape, run))


def _escape(character: str) -> str:
    if is_printable(character):
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join([f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)])


def replace_unprintable(text: str) -> str:
    """Return text without control characters, because text from strangers must not control the
    terminal."""
    return "".join([each if is_printable(each) else "�" for each in text])
