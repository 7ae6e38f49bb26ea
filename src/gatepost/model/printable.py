"""Shows text that came from elsewhere: it must neither control a terminal nor deceive a reader."""

import re
from typing import Final

_SPACES: Final = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
"""Blanks that Python does not call printable."""
_UNUSUAL: Final = re.compile("[^ -~]+")
_UNUSUAL_IN_LINES: Final = re.compile("[^ -~\n]+")
_UNPRINTABLE: Final = re.compile(f"[^{_SPACES}]")


def printable(text: str) -> str:
    """Return one line of text, with ``\\uXXXX`` for each character that is not to be printed.

    These are controls (C0, DEL, C1), line and paragraph separators, the marks that change the
    direction of text, characters without width, lone surrogates, and unassigned ones.
    """
    return text if text.isprintable() else _UNUSUAL.sub(_escaped_run, text)


def printable_lines(text: str) -> str:
    """Return a text or a JSON document in the same way, except for its line feeds.

    In JSON, the meaning of strings does not change.
    """
    return _UNUSUAL_IN_LINES.sub(_escaped_run, text)


def _escaped_run(match: re.Match[str]) -> str:
    run = match[0]
    return run if run.isprintable() else _UNPRINTABLE.sub(_escaped, run)


def _escaped(match: re.Match[str]) -> str:
    if match[0].isprintable():
        return match[0]
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join([f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)])
