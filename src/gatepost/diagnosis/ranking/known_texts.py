"""The catalogue: what servers, services, clients and TLS libraries say, and what it means.

Its sources are the files in ``catalogue`` beside ``src``, each text with where it was read. ``make
train`` checks them and packs what is needed here into ``texts.tsv``: for each text the word by
which it is found, whether it proves its cause, who says it, the trained weights, and its words.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Self

from gatepost.diagnosis.ranking.weights import find_rows, pack_weights, unpack_weights
from gatepost.diagnosis.signs.sign import find_words

_WORD: Final = re.compile(r"[^\W_]{2,}")


class Text(NamedTuple):
    """What a program says."""

    words: str
    """In lower case; ``*`` stands for anything."""
    speakers: str = ""
    """Who says it."""
    weights: Mapping[str, float] = {}
    """How strongly it speaks for each cause."""
    proves: bool = False
    """It has one cause, whoever says it."""

    def pack(self) -> str:
        """Return it as a line of ``texts.tsv``."""
        return "\t".join(
            (_key_word(self.words), "proves" if self.proves else "", self.speakers,
             pack_weights(self.weights), self.words)
        )  # fmt: skip

    @classmethod
    def unpack(cls, line: str) -> Self:
        """Return the text of a line of ``texts.tsv``."""
        _, proves, speakers, weights, words = line.split("\t")
        return cls(words, speakers, unpack_weights(weights), bool(proves))


class Catalogue:
    """All texts, to be found in a log. Looks only for those of which a whole word is there, or the
    first characters, if no word of them is always whole."""

    def __init__(self, lines: Sequence[str]) -> None:
        """``lines``: of ``texts.tsv``, sorted, so that the texts of a word are together."""
        self._lines = lines
        self._rows: dict[str, list[tuple[str, str]]] = {}
        """By their word: what each begins with, and its line."""
        self._wordless: dict[str, list[tuple[str, str]]] = {}
        """The same of those without a word, by their first characters, or ``""``."""
        for row in self._rows_of(""):
            first = row[0][:_FIRST] if len(row[0]) >= _FIRST else ""
            self._wordless.setdefault(first, []).append(row)

    def find(self, statement: str) -> list[Text]:
        """Return the texts in ``statement``, which is in lower case, without those that are only a
        part of a longer one."""
        matches: list[tuple[int, int, str]] = []
        for line in self._candidates(statement):
            words = _words_of(line)
            span = find_words(statement, words)
            if span is None or _is_within_word(statement, span[0]):
                continue
            if span[1] - span[0] <= len(words) + _MOST_BETWEEN * words.count("*"):
                matches.append((*span, line))
        matches.sort(key=lambda each: (each[0], -each[1]))
        longest: list[Text] = []
        end = -1
        for _, stop, line in matches:
            text = Text.unpack(line)
            if stop > end and not any(find_words(each.words, text.words) for each in longest):
                longest.append(text)
            if "*" not in text.words:  # what it leaves open may be a text of its own
                end = max(end, stop)
        return longest

    def _candidates(self, statement: str) -> Iterator[str]:
        pieces = {"", *(statement[at : at + _FIRST] for at in range(len(statement)))}
        rows = [row for piece in pieces & self._wordless.keys() for row in self._wordless[piece]]
        yield from sorted([line for begin, line in rows if begin in statement])
        for word in sorted(set(_WORD.findall(statement))):
            yield from [line for begin, line in self._rows_of(word) if begin in statement]

    def _rows_of(self, word: str) -> Sequence[tuple[str, str]]:
        if word not in self._rows:
            rows = [(_words_of(line).partition("*")[0], line)
                    for line in find_rows(self._lines, word)]  # fmt: skip
            if not rows:
                return ()  # the words of logs are without bounds
            self._rows[word] = rows
        return self._rows[word]


_FIRST: Final = 3
"""Characters; few texts begin with fewer before their first ``*``."""


def _words_of(line: str) -> str:
    return line[line.rindex("\t") + 1 :]


_MOST_BETWEEN: Final = 240
"""Characters that a ``*`` stands for."""


def _is_within_word(statement: str, at: int) -> bool:
    return (
        at > 0
        and f"{statement[at - 1]}{statement[at]}".isascii()
        and (statement[at - 1].isalnum() and statement[at].isalnum())
    )


def _key_word(words: str) -> str:
    """Return the longest word that is whole in every text that has ``words``; empty if none is."""
    whole = (
        match[0]
        for part in words.split("*")
        for match in _WORD.finditer(part)
        if match.start() > 0 and match.end() < len(part)
    )
    return max(whole, key=len, default="")
