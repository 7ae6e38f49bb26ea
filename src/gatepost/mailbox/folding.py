"""The form in which texts are compared, without regard to case and width of letters."""

import re
from typing import Final
from unicodedata import normalize

_BLANKS: Final = re.compile(r"[\s\x00-\x1f]+")


def fold(text: str) -> str:
    """Return ``text`` in NFKC, without case, and each run of blanks as one (UAX #15, UAX #31)."""
    if text.isascii():
        folded = text.lower()
    else:
        folded = normalize("NFKC", normalize("NFKC", text).casefold())
        folded = folded.encode("utf-8", "replace").decode()  # octets that are not text
    return _BLANKS.sub(" ", folded)
