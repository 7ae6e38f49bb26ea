"""SASLprep (RFC 4013), which gives equal passwords equal octets in SCRAM.

It uses Unicode 3.2, as stringprep requires: the result is the same on every Python version.
"""

import stringprep
from collections.abc import Iterable
from typing import Final
from unicodedata import ucd_3_2_0

_PROHIBITED: Final = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)  # RFC 4013 2.3


def saslprep(text: str, *, stored: bool) -> str:
    """Return the prepared form of ``text``.

    ``stored`` strings (passwords, RFC 5802 2.2) must not contain code points that are unassigned in
    Unicode 3.2; queries (user names) may. Raises ValueError, whose message does not contain the
    string.
    """
    if text.isascii() and text.isprintable():
        return text
    mapped = {ord(each): _mapped(each) for each in set(text)}
    prepared = ucd_3_2_0.normalize("NFKC", text.translate(mapped))
    letters = set(prepared)  # each is looked up once: a text of one letter has ten thousand
    if any(prohibits(each) for each in letters for prohibits in _PROHIBITED):
        raise ValueError("it contains a control character or another that SASLprep prohibits")
    if stored and any(map(stringprep.in_table_a1, letters)):
        raise ValueError("it contains a character that is not in Unicode 3.2")
    _check_direction(prepared, letters)
    return prepared


def _mapped(letter: str) -> str:
    """Return the replacement of a character (RFC 4013 2.1)."""
    if stringprep.in_table_c12(letter):
        return " "
    return "" if stringprep.in_table_b1(letter) else letter


def _check_direction(text: str, letters: Iterable[str]) -> None:
    """Raise ValueError for right-to-left text that does not begin and end as such (RFC 3454 6)."""
    if not any(map(stringprep.in_table_d1, letters)):
        return
    if any(map(stringprep.in_table_d2, letters)):
        raise ValueError("it mixes right-to-left with left-to-right letters")
    if not (stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])):
        raise ValueError("right-to-left text must start and end with a right-to-left letter")
