"""Regular expressions and globs that take linear time, whatever the text is.

``re`` tries one way after another, so that some expressions take forever. Here all ways are
followed at once: each character of the text is read once, at no more than ``MAX_STEPS`` places of
the pattern (K. Thompson, "Regular Expression Search Algorithm", 1968).
"""

from collections.abc import Callable, Iterable
from typing import Final

MAX_PATTERN: Final = 500
"""Characters of a pattern."""
MAX_TEXT: Final = 1_000
"""Characters of a text that are looked at."""
MAX_STEPS: Final = 500
"""Steps of a compiled pattern; ``{2,30}`` repeats some."""
MAX_DEPTH: Final = 40
"""Groups in groups."""
_MAX_REMEMBERED: Final = 2_000
"""Transitions that are remembered, so that usual texts take a look-up for each character."""

Test = Callable[[str], bool]
Step = Test | tuple[int, ...] | str
"""A test of one character; places to go on at, relative to this one; or one of the texts below."""
Steps = list[Step]
_BEGIN: Final = "begin"
_END: Final = "end"
_EDGE: Final = "edge of a word"
_NO_EDGE: Final = "no edge of a word"
_MATCH: Final = "match"


class Expression:
    """A compiled pattern, found anywhere in a text unless it is anchored."""

    __slots__ = ("_first", "_has_edges", "_ignores_case", "_later", "_moves", "_steps")

    def __init__(self, steps: Steps, *, ignores_case: bool = True) -> None:
        self._steps = [*steps, _MATCH]
        self._ignores_case = ignores_case
        self._has_edges = _EDGE in steps or _NO_EDGE in steps
        self._moves: dict[tuple[frozenset[int], bool, str], frozenset[int]] = {}
        self._first = self._closure([0], at_begin=True)
        self._later = self._closure([0])

    def is_in(self, text: str) -> bool:
        """Tell whether the pattern occurs in the first ``MAX_TEXT`` characters of ``text``."""
        text = text[:MAX_TEXT]
        text = text.lower() if self._ignores_case else text
        places, match, was_word = self._first, len(self._steps) - 1, False
        if self._has_edges:
            places = self._closure([0], at_begin=True, at_edge=_is_word(text[:1]))
        for letter in text:
            if match in places:
                return True
            places = self._move(places, letter, was_word=was_word)
            was_word = self._has_edges and _is_word(letter)
        return match in self._closure(places, at_begin=not text, at_end=True, at_edge=was_word)

    def _move(self, places: frozenset[int], letter: str, *, was_word: bool) -> frozenset[int]:
        key = places, was_word, letter
        after = self._moves.get(key)
        if after is None:
            if self._has_edges:
                places = self._closure(places, at_edge=was_word != _is_word(letter))
            tests = [(place, step) for place in places if callable(step := self._steps[place])]
            passed = [place + 1 for place, test in tests if test(letter)]
            found = places & {len(self._steps) - 1}
            after = self._closure(passed) | self._later | found
            if len(self._moves) >= _MAX_REMEMBERED:
                self._moves.clear()
            self._moves[key] = after
        return after

    def _closure(
        self,
        places: Iterable[int],
        *,
        at_begin: bool = False,
        at_end: bool = False,
        at_edge: bool | None = None,
    ) -> frozenset[int]:
        """Return where one is without reading a character; ``at_edge`` None: it is unknown whether
        this is the edge of a word."""
        passable = {
            _BEGIN: at_begin, _END: at_end, _EDGE: at_edge is True, _NO_EDGE: at_edge is False,
        }  # fmt: skip
        open_, reached = list(places), set[int]()
        while open_:
            place = open_.pop()
            if place in reached:
                continue
            reached.add(place)
            step = self._steps[place]
            if isinstance(step, tuple):
                open_ += [place + each for each in step]
            elif isinstance(step, str) and passable.get(step):
                open_.append(place + 1)
        return frozenset(reached)


def compile_expression(pattern: str, *, ignores_case: bool = True) -> Expression:
    """Compile a regular expression. Raises ValueError with what is wrong or not possible in it.

    Possible are characters, ``.``, classes, ``\\d \\w \\s`` and their opposites, groups, ``|``, the
    quantifiers ``* + ? {m,n}``, ``^ $ \\A \\Z \\b \\B``, and ``(?i)`` at the beginning.
    """
    ignores_case = ignores_case or pattern.startswith("(?i)")
    steps = _Parser(pattern.removeprefix("(?i)"), ignores_case=ignores_case).parse()
    return Expression(steps, ignores_case=ignores_case)


def compile_glob(pattern: str) -> Expression:
    """Compile a pattern for a whole text, in which ``*`` is any characters, and ``?`` is one."""
    steps: Steps = [_BEGIN]
    for letter in pattern.lower():
        steps += _star([_is_any]) if letter == "*" else [_is_any if letter == "?" else _is(letter)]
    _check_size(steps)
    return Expression([*steps, _END])


def _is_any(_letter: str) -> bool:
    return True


def _is_word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


def _is(letter: str) -> Test:
    return letter.lower().__eq__


def _star(steps: Steps) -> Steps:
    return [(1, len(steps) + 2), *steps, (-len(steps) - 1,)]


def _optional(steps: Steps) -> Steps:
    return [(1, len(steps) + 1), *steps]


def _check_size(steps: Steps) -> None:
    if len(steps) > MAX_STEPS:
        raise ValueError("the pattern is too complex")


_CLASSES: Final[dict[str, Test]] = {
    "d": str.isdecimal,
    "s": str.isspace,
    "w": _is_word,
}
_SPECIAL: Final[dict[str, Step]] = {".": _is_any, "^": _BEGIN, "$": _END}
_ASSERTIONS: Final = {"A": _BEGIN, "Z": _END, "b": _EDGE, "B": _NO_EDGE}
_ESCAPES: Final = {"t": "\t", "n": "\n", "r": "\r"}
_QUANTIFIERS: Final = "*+?{"


class _Parser:
    def __init__(self, pattern: str, *, ignores_case: bool) -> None:
        self._pattern, self._ignores_case = pattern, ignores_case
        self._at = 0
        self._depth = 0

    def parse(self) -> Steps:
        steps = self._choice()
        if self._at < len(self._pattern):
            raise ValueError("a ) has no (")
        return steps

    @property
    def _next(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _take(self) -> str:
        letter = self._next
        if not letter:
            raise ValueError("the pattern ends too early")
        self._at += 1
        return letter

    def _choice(self) -> Steps:
        steps = self._sequence()
        while self._next == "|":
            self._at += 1
            other = self._sequence()
            steps = [(1, len(steps) + 2), *steps, (len(other) + 1,), *other]
            _check_size(steps)
        return steps

    def _sequence(self) -> Steps:
        steps: Steps = []
        while self._next and self._next not in "|)":
            steps += self._quantified(self._atom())
            _check_size(steps)
        return steps

    def _atom(self) -> Steps:
        letter = self._take()
        if letter == "(":
            return self._group()
        if letter in _QUANTIFIERS:
            raise ValueError(f"nothing is before the {letter}")
        if letter == "[":
            return [self._class()]
        if letter == "\\":
            if self._next in _ASSERTIONS:
                return [_ASSERTIONS[self._take()]]
            return [self._escape()]
        return [_SPECIAL.get(letter) or self._is(letter)]

    def _is(self, letter: str) -> Test:
        return _is(letter) if self._ignores_case else letter.__eq__

    def _group(self) -> Steps:
        if self._next == "?":
            if not self._pattern.startswith("?:", self._at):
                raise ValueError(f"({self._pattern[self._at : self._at + 2]} is not supported")
            self._at += 2
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ValueError("too many groups are in each other")
        steps = self._choice()
        if self._next != ")":
            raise ValueError("a ( has no )")
        self._at += 1
        self._depth -= 1
        return steps

    def _escape(self) -> Test:
        letter = self._take()
        test = _CLASSES.get(letter.lower())
        if test is not None:
            return test if letter.islower() else _opposite(test)
        if letter in _ESCAPES:
            return self._is(_ESCAPES[letter])
        if letter.isalnum():
            raise ValueError(f"\\{letter} is not supported")
        return self._is(letter)

    def _class(self) -> Test:
        is_negated = self._next == "^"
        self._at += is_negated
        tests: list[Test] = []
        while not tests or self._next != "]":
            tests.append(self._member())
        self._at += 1
        test = _any_case(tests) if self._ignores_case else _any(tests)
        return _opposite(test) if is_negated else test

    def _member(self) -> Test:
        letter = self._take()
        if letter == "\\":
            return self._escape()
        if self._next != "-" or self._pattern[self._at + 1 : self._at + 2] in ("]", ""):
            return letter.__eq__
        self._at += 1
        last = self._take()
        if last == "\\":
            last = self._take()
        if last < letter:
            raise ValueError(f"the range {letter}-{last} is empty")
        return _between(letter, last)

    def _quantified(self, steps: Steps) -> Steps:
        quantifier = self._next
        if not quantifier or quantifier not in _QUANTIFIERS:
            return steps
        self._at += 1
        if quantifier == "*":
            steps = _star(steps)
        elif quantifier == "+":
            steps = [*steps, (-len(steps), 1)]
        elif quantifier == "?":
            steps = _optional(steps)
        else:
            steps = self._repeated(steps)
        if self._next == "?":  # as few as possible, which is the same here
            self._at += 1
        if self._next and self._next in _QUANTIFIERS:
            raise ValueError(f"two quantifiers follow each other: {quantifier}{self._next}")
        return steps

    def _repeated(self, steps: Steps) -> Steps:
        numbers, closing, _ = self._pattern[self._at :].partition("}")
        least, comma, most = numbers.partition(",")
        if not closing or not all(each.isdecimal() for each in (least, most or least)):
            raise ValueError("a { needs numbers and a }, as in {2,4}")
        self._at += len(numbers) + 1
        low, high = int(least), int(most or least)
        if high < low:
            raise ValueError(f"{{{numbers}}} is empty")
        if (len(steps) + 1) * (high + 1) > MAX_STEPS:
            raise ValueError("the pattern is too complex")
        if comma and not most:
            return [*steps * low, *_star(steps)]
        rest: Steps = []
        for _ in range(high - low):
            rest = _optional([*steps, *rest])
        return [*steps * low, *rest]


def _opposite(test: Test) -> Test:
    return lambda letter: not test(letter)


def _between(first: str, last: str) -> Test:
    return lambda letter: first <= letter <= last


def _any(tests: list[Test]) -> Test:
    return lambda letter: any(each(letter) for each in tests)


def _any_case(tests: list[Test]) -> Test:
    """Texts are in lower case, but a class may be in upper case."""
    return lambda letter: any(each(letter) or each(letter.upper()) for each in tests)
