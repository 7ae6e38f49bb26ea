"""Internationalized domain names: their ASCII form, which every server knows.

RFC 5891 4 and RFC 5892, without their tables: letters, marks and digits by Unicode's properties are
permitted, unless nameprep (RFC 3491) would change them. Python's ``idna`` codec follows the
standard of 2003: it turns ``fußball.example`` into another domain.
"""

import re
import unicodedata
from encodings import idna
from functools import lru_cache
from typing import Final

MAX_LABEL: Final = 63
"""Maximum octets of a label (RFC 1035 2.3.4)."""

_DEVIATIONS: Final = re.compile("[\u00df\u03c2]")
"""Letters that are permitted since 2008 (RFC 5894 7.2), but that nameprep maps to others."""
_CHEROKEE: Final = re.compile("[\u13f8-\u13fd\uab70-\uabbf]")
"""Small letters of Cherokee, the one script that is folded to capitals (RFC 5892 2.2)."""
_IGNORABLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks that are not displayed (RFC 5892 2.7, Default_Ignorable_Code_Point)."""
_HYPHENS: Final = re.compile(r"-.*|.*-|..--.*")
"""Labels that RFC 5891 4.2.3.1 forbids because of their hyphens."""


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
    lower = _CHEROKEE.sub(lambda sign: sign[0].casefold(), label.lower())
    folded = unicodedata.normalize("NFC", lower)
    known = _DEVIATIONS.sub("", folded)
    try:
        allowed = (
            idna.nameprep(known) == known
            and _is_stable(known)
            and all(unicodedata.category(sign)[0] in "LMN" or sign == "-" for sign in folded)
            and not unicodedata.category(folded[0]).startswith("M")
            and not _HYPHENS.fullmatch(folded)
            and not _IGNORABLE.search(folded)
        )
    except UnicodeError:
        allowed = False
    encoded = folded
    if not folded.isascii():  # the Kelvin sign is folded to a k
        encoded = f"xn--{folded.encode('punycode').decode('ascii')}"
    if not allowed or len(encoded) > MAX_LABEL:
        raise ValueError(f"not a label of a domain name: {label[:MAX_LABEL]!r}")
    return encoded


def _is_stable(text: str) -> bool:
    """Tell whether folding does not change the text (RFC 5892 2.2); nameprep has Unicode 3.2
    only."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", folded) == text
