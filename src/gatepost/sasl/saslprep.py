"""SASLprep (RFC 4013), with which equal passwords get equal octets in SCRAM.

Unicode 3.2 throughout, as stringprep requires: the same result on every Python.
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

    ``stored`` strings (passwords, RFC 5802 2.2) may hold no code point that
    Unicode 3.2 left unassigned, queries (user names) may. Raises ValueError,
    whose text shows nothing of the string.
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
    """Right-to-left text must be so from its first character to its last (RFC 3454 6)."""
    if not any(map(stringprep.in_table_d1, letters)):
        return
    if any(map(stringprep.in_table_d2, letters)):
        raise ValueError("it mixes right-to-left with left-to-right letters")
    if not (stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])):
        raise ValueError("right-to-left text must start and end with a right-to-left letter")
