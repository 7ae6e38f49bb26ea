"""Mistakes in a configuration: all of them at once, each with its place."""

import difflib
from collections.abc import Iterable, Sequence

from gatepost.errors import ConfigError


class ConfigProblems(ConfigError):
    """Everything that is wrong with a file; ``problems`` has each with ``where``."""

    def __init__(self, problems: Sequence[ConfigError]) -> None:
        super().__init__("\n".join(str(each) for each in problems))
        self.problems = tuple(problems)
        self.where = problems[0].where if problems else ""
        self.did_you_mean = next((each.did_you_mean for each in problems if each.did_you_mean), "")


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that was probably meant, or an empty text."""
    folded = {each.lower(): each for each in known}
    for each, spelled in folded.items():
        if word.lower().endswith(f"_{each}"):
            return spelled
    matches = difflib.get_close_matches(word.lower(), list(folded), 1)
    return folded[matches[0]] if matches else ""
