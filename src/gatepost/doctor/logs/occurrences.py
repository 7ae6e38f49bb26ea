"""Removes many texts from one at once: the time does not depend on how many there are."""

from collections.abc import Iterable, Iterator
from typing import Final

from gatepost.model.transcript import REDACTED

_KEY: Final = 4
"""Characters by which the texts are found; none is shorter."""
_WORD: Final = 8
"""A word of letters and digits shorter than this is removed only where it stands alone."""
_MOST_STEPS: Final = 2_000_000
"""Comparisons after which the rest of the text is removed instead: nobody's log needs so many."""


def remove_all(text: str, forms: Iterable[str]) -> str:
    """Return ``text`` without these; each has at least four characters."""
    pieces, at = [], 0
    for start, end in _merged(_find_places(text, forms)):
        pieces += [text[at:start], REDACTED]
        at = end
    return "".join((*pieces, text[at:]))


def _find_places(text: str, forms: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Yield where each of the forms is, in the order of their beginnings, the longest first."""
    by_key: dict[str, dict[int, set[str]]] = {}
    for form in forms:
        by_key.setdefault(form[:_KEY], {}).setdefault(len(form), set()).add(form)
    lengths = {key: sorted(each, reverse=True) for key, each in by_key.items()}
    steps = 0
    for at in range(len(text) - _KEY + 1 if by_key else 0):
        key = text[at : at + _KEY]
        if key not in by_key:
            continue
        for length in lengths[key]:
            steps += 1
            if text[at : at + length] in by_key[key][length] and _is_separate(
                text, at, at + length
            ):
                yield at, at + length
                break
        if steps > _MOST_STEPS:
            yield at, len(text)
            return


def _is_separate(text: str, start: int, end: int) -> bool:
    """Tell whether a text there is not a part of a longer word, if it is a short word itself."""
    if end - start >= _WORD or not text[start:end].isalnum():
        return True
    return not (_is_of_word(text[start - 1 : start]) or _is_of_word(text[end : end + 1]))


def _is_of_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _merged(places: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield places that overlap as one."""
    start = end = 0
    for first, last in places:
        if first < end:
            end = max(end, last)
            continue
        if end:
            yield start, end
        start, end = first, last
    if end:
        yield start, end
