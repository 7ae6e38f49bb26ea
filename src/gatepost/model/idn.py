"""Internationalized domain names: their ASCII form, which every server knows (RFC 5891).

Python's ``idna`` codec follows the standard of 2003: it turns ``fußball.example`` into another
domain. The package of that name follows the one of 2008.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

MAX_LABEL: Final = 63
"""Maximum octets of a label (RFC 1035 2.3.4)."""
_CHEROKEE: Final = re.compile("[\u13f8-\u13fd\uab70-\uabbf]")
"""Small letters of Cherokee, the one script that is folded to capitals (RFC 5892 2.2)."""


@lru_cache(maxsize=4096)
def fold_domain(domain: str) -> str:
    """Return the canonical form of a domain: lower case, A-labels, no final dot.

    A domain without A-labels, such as an address literal, is only folded.
    """
    folded = domain.rstrip(".").lower()
    try:
        return a_labels(folded)
    except ValueError:
        return folded


def a_labels(domain: str) -> str:
    """Return ``domain`` in ASCII, with other labels as A-labels (RFC 5890 2.3.2.1).

    Raises ValueError if it is not a valid domain name.
    """
    return ".".join(label if label.isascii() else _a_label(label) for label in domain.split("."))


def _a_label(label: str) -> str:
    """Fold a label, and return its A-label (RFC 5891 5). Raises ValueError."""
    if len(label) <= MAX_LABEL:
        import idna  # noqa: PLC0415 - large, and most names are ASCII

        lower = _CHEROKEE.sub(lambda sign: sign[0].casefold(), label.lower())
        folded = unicodedata.normalize("NFC", lower)
        try:
            return folded if folded.isascii() else idna.alabel(folded).decode("ascii")
        except UnicodeError:  # idna.IDNAError is one
            pass
    raise ValueError(f"not a label of a domain name: {label[:MAX_LABEL]!r}")
