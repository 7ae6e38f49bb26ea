"""Mistakes in a configuration: all of them at once, each with its position."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Final

from gatepost.errors import ConfigError

_BEGUN: Final = 3
"""Number of letters by which a word is recognised by its beginning."""
_ALIKE: Final = 0.8
"""Similarity of two words that differ by a letter or two."""


class ConfigProblems(ConfigError):
    """All mistakes in a file; ``problems`` has each with ``where``."""

    def __init__(self, problems: Sequence[ConfigError]) -> None:
        super().__init__("\n".join(str(each) for each in problems))
        self.problems = tuple(problems)
        self.where = problems[0].where if problems else ""
        self.did_you_mean = next((each.did_you_mean for each in problems if each.did_you_mean), "")


def are_alike(one: str, other: str) -> bool:
    """Tell whether two words are so similar that one may be a misspelling of the other."""
    return difflib.SequenceMatcher(None, one.lower(), other.lower()).ratio() >= _ALIKE


def nearest(word: str, words: Iterable[str]) -> str:
    """Return the known word that was probably meant, or an empty string."""
    folded, wanted = {each.lower(): each for each in words}, word.lower()
    begun = [each for each in folded if len(wanted) >= _BEGUN and each.startswith(wanted)]
    ended = [each for each in folded if wanted.endswith(f"_{each}")]
    matches = difflib.get_close_matches(wanted, list(folded), 1)
    alike = difflib.get_close_matches(wanted, list(folded), 1, _ALIKE)
    chosen = begun if len(begun) == 1 else alike or ended or matches
    return folded[chosen[0]] if chosen else ""


def first_repeated(names: Sequence[str]) -> str:
    """Return the first name that is listed twice; empty if there is none."""
    return next((each for number, each in enumerate(names) if each in names[:number]), "")
