"""The form in which texts are compared, without regard to case and width of letters."""

import re
from typing import Final
from unicodedata import normalize

_BLANKS: Final = re.compile(r"[\s\x00-\x1f]+")
_PIECE: Final = 8_192
"""Characters that are folded at once: a single one may become 18, and no other thread runs
meanwhile."""


def fold(text: str) -> str:
    """Return ``text`` in NFKC, without case, and each run of blanks as one (UAX #15, UAX #31)."""
    if text.isascii():
        folded = text.lower()
    else:
        folded = normalize("NFKC", normalize("NFKC", text).casefold())
        folded = folded.encode("utf-8", "replace").decode()  # octets that are not text
    if folded.isprintable() and "  " not in folded:  # the only blanks are single spaces
        return folded
    return _BLANKS.sub(" ", folded)


def fold_beginning(text: str, most: int) -> str:
    """Return at most ``most`` characters of the folded text, and do not fold more than they
    need."""
    words = " ".join(text[:most].split())
    folded: list[str] = []
    size = 0
    while words and size < most:
        end = words.rfind(" ", 1, _PIECE) if len(words) > _PIECE else len(words)
        end = end if end > 0 else _PIECE
        folded.append(fold(words[:end]))
        size += len(folded[-1])
        words = words[end:]
    return "".join(folded)[:most]
