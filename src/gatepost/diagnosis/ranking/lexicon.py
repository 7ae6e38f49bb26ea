"""What a log is searched for: texts, phrases, frames of stack traces, and concepts."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Self

from gatepost.diagnosis.ranking.concepts import Concepts
from gatepost.diagnosis.ranking.known_texts import Catalogue
from gatepost.diagnosis.signs.sign import Sign


class Lexicon(NamedTuple):
    """All that the catalogue's files say."""

    catalogue: Catalogue
    phrases: Mapping[str, Sign]
    """Words that mean the same whoever says them, by the names of their features."""
    frames: tuple[tuple[str, str, str], ...]
    """Frames of stack traces and the steps that they show, the most telling first."""
    concepts: Concepts

    @classmethod
    def read(cls, document: Mapping[str, Any], texts: Sequence[str]) -> Self:
        """Return the lexicon of a parsed ``model.json`` and the lines of ``texts.tsv``."""
        return cls(
            Catalogue(texts),
            name_signs("phrase", map(read_sign, document["phrases"])),
            tuple((words, step, end) for words, step, end in document["frames"]),
            Concepts(document["concepts"]),
        )


def read_sign(row: Mapping[str, Any]) -> Sign:
    """Return the sign of a phrase."""
    values: dict[str, Any] = {
        key: tuple(each) if isinstance(each, list) else each for key, each in row.items()
    }
    return Sign(**values)


def name_signs(kind: str, signs: Iterable[Sign]) -> dict[str, Sign]:
    """Return signs by the names of their features: kind, cause and a number."""
    counts: Counter[str] = Counter()
    named = {}
    for sign in signs:
        counts[sign.id] += 1
        named[f"{kind} {sign.id} {counts[sign.id]}"] = sign
    return named
