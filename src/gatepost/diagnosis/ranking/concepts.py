"""What statements are about, in any words: concepts, alone and in pairs.

A text that nobody has seen before still says, in some words, that an address is blocked or that a
sender is not allowed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Final

MAX_CONCEPTS: Final = 9
"""A statement about more than this is about everything."""
_TOKEN: Final = re.compile(r"\w+")
_SHORTEST_STEM: Final = 2


class Concepts:
    """Finds the concepts of a statement, by the words for each.

    A word stands for itself, a word with ``*`` for all that begin so. What is not a single word, or
    of a script that does not separate words, may occur anywhere.
    """

    def __init__(self, words: Mapping[str, Sequence[str]]) -> None:
        self._order = {name: at for at, name in enumerate(words)}
        self._words: dict[str, list[str]] = {}
        self._stems: dict[str, list[str]] = {}
        self._phrases: list[tuple[str, str]] = []
        for name, own in words.items():
            for word in own:
                stem = word.removesuffix("*")
                if not stem.isalnum() or stem[0] >= "\u3000":
                    self._phrases.append((stem, name))
                else:
                    table = self._words if stem == word else self._stems
                    table.setdefault(stem, []).append(name)
        self._longest = max(map(len, self._stems), default=0)

    def find(self, statement: str) -> Iterator[str]:
        """Yield the features of a statement, which is in lower case."""
        own = sorted(set(self._names(statement)), key=self._order.__getitem__)
        yield from (f"about {name}" for name in own)
        if len(own) <= MAX_CONCEPTS:
            yield from (f"about {one} {other}" for one, other in combinations(own, 2))

    def _names(self, statement: str) -> Iterator[str]:
        for token in set(_TOKEN.findall(statement)):
            yield from self._words.get(token, ())
            for end in range(_SHORTEST_STEM, min(len(token), self._longest) + 1):
                yield from self._stems.get(token[:end], ())
        for phrase, name in self._phrases:
            if phrase in statement:
                yield name
