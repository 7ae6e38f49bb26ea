"""Makes inputs, out of a regular expression itself, for which it may need more than linear time.

Such an input repeats something: a character that the pattern distinguishes, what a repeated part
matches, or what leads there. At its end is something that does not match.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

codes, parser = import_module("re._constants"), import_module("re._parser")

USUAL = "\0\t\n\r !\"#$%&'()*+,-./0:;<=>?@A[\\]^_`aez{|}~\x85é\u2028"
"""Characters to choose from, besides those in the pattern."""
COMMON = (
    "\\r\\n", "\r\n", "\n ", '\\"', '{"', "a=", "=?", '="b" ', "<a@b.c>, ", "1 ", "a.", "a: ",
)  # fmt: skip
"""What repeats in hostile input, whatever the pattern."""
VARIATIONS = 3
MANY = 10
"""How many characters of a pattern are combined."""
REPEATS = {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}
CLASSES = {codes.LITERAL, codes.NOT_LITERAL, codes.ANY, codes.IN}
GROUPS = {codes.SUBPATTERN, codes.ATOMIC_GROUP}

Sequence = list[tuple[Any, Any]]


@dataclass(frozen=True)
class Repeated:
    """An input: ``head``, any number of ``unit``, and ``tail``."""

    head: str
    unit: str
    tail: str

    def times(self, count: int) -> str:
        return self.head + self.unit * count + self.tail


def inputs(pattern: re.Pattern[Any]) -> list[Repeated]:
    """Return some hundred inputs for a pattern."""
    tree = list(parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG))
    alphabet = _Alphabet(tree, pattern)
    letters = alphabet.letters[:MANY]
    foreign = alphabet.foreign
    units = [*alphabet.letters, *(a + b for a in letters for b in letters if a != b), *COMMON]
    wholes = [alphabet.sample(tree, variation) for variation in range(VARIATIONS)]
    units += [part for whole in wholes for part in (whole, whole[:-1], whole[1:])]
    found = [Repeated("", unit, foreign) for unit in units]
    found += [Repeated("", letter, "") for letter in letters]
    tails = ("", foreign, foreign + alphabet.letters[-2:][0])  # many patterns permit one line end
    for head, body in _repeats(tree, alphabet, ""):
        inner = [alphabet.sample(body, variation) for variation in range(VARIATIONS)]
        for unit in (*inner, *letters, head):
            found += [Repeated(head, unit, tail) for tail in tails]
        found += [Repeated("", head + unit, foreign) for unit in (*inner, *letters)]
        found += [Repeated(head, unit + letter, "") for unit in inner for letter in letters[:4]]
    for asserted in _asserted(tree, alphabet):
        found += [Repeated("", unit, asserted) for unit in (*wholes, *letters)]
    return list(dict.fromkeys(each for each in found if each.unit))


def _repeats(
    sequence: Sequence, alphabet: "_Alphabet", head: str
) -> Iterator[tuple[str, Sequence]]:
    """Yield the repeated parts of a pattern, with a text that leads to each."""
    for at, (code, value) in enumerate(sequence):
        before = head + alphabet.sample(sequence[:at], 0)
        if code in REPEATS:
            if value[1] > MANY:
                yield before, list(value[2])
            yield from _repeats(list(value[2]), alphabet, before)
        for inner in _inner(code, value):
            yield from _repeats(inner, alphabet, before)


def _asserted(sequence: Sequence, alphabet: "_Alphabet") -> Iterator[str]:
    """Yield texts that fit what a pattern asserts; behind everything else they are found late."""
    for code, value in sequence:
        if code in {codes.ASSERT, codes.ASSERT_NOT}:
            yield alphabet.sample(list(value[1]), 1)
        for inner in (list(value[2]),) if code in REPEATS else _inner(code, value):
            yield from _asserted(inner, alphabet)


def _inner(code: Any, value: Any) -> list[Sequence]:
    """Return the sequences within a group, an assertion or a choice."""
    if code is codes.BRANCH:
        return [list(each) for each in value[1]]
    if code is codes.SUBPATTERN:
        return [list(value[3])]
    if code is codes.ATOMIC_GROUP:
        return [list(value)]
    if code in {codes.ASSERT, codes.ASSERT_NOT}:
        return [list(value[1])]
    if code is codes.GROUPREF_EXISTS:
        return [list(each) for each in value[1:] if each]
    return []


class _Alphabet:
    """One character of each kind that a pattern distinguishes."""

    def __init__(self, tree: Sequence, pattern: re.Pattern[Any]) -> None:
        has_octets = isinstance(pattern.pattern, bytes)
        self._flags = pattern.flags
        self._groups: dict[int, Sequence] = {}
        self._classes: dict[Any, None] = {}
        self._collect(tree)
        literals = [chr(value) for code, value in self._classes if code is codes.LITERAL]
        kinds: dict[tuple[bool, ...], str] = {}
        for letter in [*literals, *USUAL]:
            if not has_octets or ord(letter) < 256:
                kind = tuple(_fits(each, letter, self._flags) for each in self._classes)
                kinds.setdefault(kind, letter)
        self.letters = [kinds[kind] for kind in sorted(kinds, key=sum, reverse=True)]
        self.foreign = self.letters[-1]
        """The character that fits in the fewest places, often nowhere."""
        self._fitting = {
            each: [letter for letter in self.letters if _fits(each, letter, self._flags)]
            for each in self._classes
        }

    def _collect(self, sequence: Sequence) -> None:
        for code, value in sequence:
            if code in CLASSES:
                self._classes[_key(code, value)] = None
            elif code in REPEATS:
                self._collect(list(value[2]))
            elif code is codes.SUBPATTERN and value[0] is not None:
                self._groups[value[0]] = list(value[3])
            for inner in _inner(code, value):
                self._collect(inner)

    def sample(self, sequence: Sequence, variation: int) -> str:
        """Return a text that the sequence probably matches, another one for each variation."""
        return "".join(self._sample(code, value, variation) for code, value in sequence)

    def _sample(self, code: Any, value: Any, variation: int) -> str:
        if code in CLASSES:
            fitting = self._fitting[_key(code, value)] or [self.foreign]
            return fitting[variation % len(fitting)]
        if code in REPEATS:
            return self.sample(list(value[2]), variation) * int(max(value[0], 1 - variation % 2))
        if code is codes.BRANCH:
            return self.sample(list(value[1][variation % len(value[1])]), variation)
        if code in GROUPS:
            return self.sample(_inner(code, value)[0], variation)
        if code is codes.GROUPREF:
            return self.sample(self._groups[value], variation)
        return ""


def _key(code: Any, value: Any) -> tuple[Any, Any]:
    return (code, tuple(value) if code is codes.IN else value)


@cache
def _fits(each: tuple[Any, Any], letter: str, flags: int) -> bool:
    """Tell whether a class contains a character."""
    code, value = each
    if code is codes.ANY:
        return letter != "\n" or bool(flags & re.DOTALL)
    cases = {letter, letter.lower(), letter.upper()} if flags & re.IGNORECASE else {letter}
    if code is codes.LITERAL:
        return chr(value) in cases
    if code is codes.NOT_LITERAL:
        return chr(value) not in cases
    negated = value[0][0] is codes.NEGATE
    return negated != any(_contains(item, case) for item in value for case in cases)


CATEGORIES: Mapping[Any, Callable[[str], bool]] = {
    codes.CATEGORY_DIGIT: str.isdecimal,
    codes.CATEGORY_SPACE: str.isspace,
    codes.CATEGORY_WORD: lambda letter: letter.isalnum() or letter == "_",
}
OPPOSITES = {
    codes.CATEGORY_NOT_DIGIT: codes.CATEGORY_DIGIT,
    codes.CATEGORY_NOT_SPACE: codes.CATEGORY_SPACE,
    codes.CATEGORY_NOT_WORD: codes.CATEGORY_WORD,
}


def _contains(item: tuple[Any, Any], letter: str) -> bool:
    code, value = item
    if code is codes.LITERAL:
        return chr(value) == letter
    if code is codes.RANGE:
        return bool(value[0] <= ord(letter) <= value[1])
    if code is codes.CATEGORY and value in OPPOSITES:
        return not CATEGORIES[OPPOSITES[value]](letter)
    return code is codes.CATEGORY and CATEGORIES[value](letter)
