"""One-time codes in messages: numbers that are called one, in English or Japanese."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal
from unicodedata import normalize

from gatepost.mailbox.code_words import (
    COUNTER,
    CURRENCY,
    DIRECT,
    ENDS_WITH_VERB,
    IMPERATIVE,
    JOIN,
    LABEL,
    PURPOSE,
    TIME,
    UNIT,
    VERB,
)

Where = Literal["text", "html", "subject"]

LONGEST_TEXT: Final = 100_000
"""Maximum characters of a text that are read."""
LONGEST_LINE: Final = 2_000
CONTEXT: Final = 80
"""Maximum characters of a context."""
NEAR: Final = 2
"""Lines between a code that is alone on its line, and the line that calls it one."""
MOST: Final = 20
"""Maximum number of codes of a message."""

_MOST_NUMBERS: Final = 200
"""Numbers of a text that are read: each is compared with its whole line."""

_MASK: Final = "\x00"
"""Replaces what is no code, and ends what stands beside it."""
_MONTH: Final = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_NO_CODES: Final = re.compile(
    r"(?:https?://|www\.)[^\s<>\"]+"
    r"|(?<![\w.+-])[\w.+-]++@[\w.-]++"
    r"|(?:\+|\(\+?)\d[\d() ./-]{5,24}"  # phone
    r"|(?<!\d)0\d{1,4}-\d{1,4}-\d{3,4}(?!\d)"
    r"|(?<!\d)\d{4}[-/.]\d{1,2}(?:[-/.]\d{1,2})?(?!\d)"  # dates
    r"|(?<!\d)\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}(?!\d)"
    r"|\d{4}年|\d{1,2}月\d{1,2}日"
    rf"|(?<!\d)\d{{1,2}}(?:st|nd|rd|th)?[ ,]{{1,2}}{_MONTH}[a-z]{{0,6}}\.?,? \d{{4}}"
    rf"|{_MONTH}[a-z]{{0,6}}\.? \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}"
    r"|(?<!\d)\d{1,2}:\d{2}(?::\d{2})?"  # times
    r"|(?<!\d)\d{1,3}(?:,\d{3})++(?:\.\d++)?"  # amounts
    r"|(?<!\d)\d++[.,]\d++(?:[.,]\d++)*+"
    r"|[〒℡☎]\s?[\d -]+"
)
_RUN: Final = re.compile(r"\d+(?:[ -]\d+)*")
_DIGITS: Final = re.compile(r"\d{3}|\d[ -]\d")
"""What each number has that may be a code by its form."""
_SENTENCE_END: Final = re.compile(r"[.!?]\s+|[。！？]")
_DECORATION: Final = " \t*_-–—=~|:：•·>「」『』【】[]()<>\"'“”‘’`.。\u200b"
_PREFIX: Final = re.compile(r"(?<![a-z0-9])[a-z]-\Z")
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_DATE: Final = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")


@dataclass(frozen=True, slots=True)
class OneTimeCode:
    """A number that is probably a one-time code."""

    value: str
    where: Where
    score: float
    """From 0 to 1."""
    context: str
    """The words around it."""


@dataclass(frozen=True, slots=True)
class _Number:
    """A number in a line that may be a code by its form."""

    value: str
    start: int
    end: int


class _MaskedLines:
    """Lines in lower case without what is no code. Few lines are needed, and each takes long."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._masked: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, at: int) -> str:
        if (line := self._masked.get(at)) is None:
            line = self._masked[at] = _NO_CODES.sub(_MASK, self._lines[at].lower())
        return line


def find_codes(subject: str, text: str, html_text: str) -> Sequence[OneTimeCode]:
    """Return the codes of a message, best first. HTML counts only if the text has none."""
    codes = [*_codes_in(subject, "subject")]
    in_text = list(_codes_in(text, "text"))
    codes += in_text or _codes_in(html_text, "html")
    best: dict[str, OneTimeCode] = {}
    for each in codes:
        if each.value not in best or each.score > best[each.value].score:
            best[each.value] = each
    return sorted(best.values(), key=lambda each: -each.score)[:MOST]


def _codes_in(text: str, where: Where) -> Iterator[OneTimeCode]:
    lines = [
        line[:LONGEST_LINE]
        for each in text[:LONGEST_TEXT].splitlines()
        if (line := " ".join(normalize("NFKC", each).split()))
    ]
    masked = _MaskedLines(lines)
    found = [at for at, line in enumerate(lines) if _DIGITS.search(line)]
    numbers = ((at, each) for at in found for each in _numbers(masked[at]))
    for at, number in islice(numbers, _MOST_NUMBERS):
        line = masked[at]
        if _is_alone(line, number):
            score = _score_alone(masked, at, number)
            context = _context_alone(lines, masked, at)
        else:
            score = _score_in_line(line, number)
            context = _context(lines[at], number.value)
        if score:
            yield OneTimeCode(number.value, where, score, context)


def _numbers(line: str) -> Iterator[_Number]:
    """Yield numbers with the form of a code, which belong to nothing else."""
    for run in _RUN.finditer(line):
        start, end = run.span()
        groups = re.split("[ -]", run[0])
        sizes = [len(each) for each in groups]
        is_one = len(groups) == 1 and 4 <= sizes[0] <= 8
        is_pair = len(groups) == 2 and all(3 <= each <= 4 for each in sizes)
        is_spaced = 4 <= len(groups) <= 8 and set(sizes) == {1}
        if not (is_one or is_pair or is_spaced):
            continue
        before, after = line[:start], line[end:]
        if _is_inside(before, after) or CURRENCY.search(before[-6:]):
            continue
        if UNIT.match(after) or COUNTER.match(after):
            continue
        number = _Number("".join(groups), start, end)
        if not is_spaced or _is_alone(line, number):
            yield number


def _is_inside(before: str, after: str) -> bool:
    """Tell whether a number is a part of a word, or of a longer number."""
    if before and (_is_letter(before[-1]) or before[-1] in "/\\&=%@"):
        return True
    if before.endswith(("-", ".", ",", ":")) and before[-2:-1].isdigit():
        return True
    if before.endswith("-") and _is_letter(before[-2:-1]) and not _PREFIX.search(before):
        return True
    if before.endswith("-") and _PREFIX.search(before) and not before.endswith("g-"):
        return True
    return bool(after) and (
        _is_letter(after[0])
        or (after[0] in "-/.,:" and after[1:2].isalnum() and after[1:2].isascii())
        or after[0] in "/@"
    )


def _is_letter(character: str) -> bool:
    """Tell whether this is a letter of a script that has blanks between words."""
    return character == "_" or (character.isalpha() and character < "\u0250")


def _is_alone(line: str, number: _Number) -> bool:
    return not (line[: number.start] + line[number.end :]).strip(_DECORATION)


def _score_alone(lines: _MaskedLines, at: int, number: _Number) -> float:
    """Return how probably a line calls the number a code that is near: above, or below."""
    if _may_be_date(number.value):
        return 0.0
    for distance in range(1, NEAR + 1):
        for neighbour, factor in ((at - distance, 1.0), (at + distance, 0.9)):
            if 0 <= neighbour < len(lines):
                label = (
                    _last_label(lines[neighbour]) if neighbour < at else _label_in(lines[neighbour])
                )
                if label == "code":
                    return (0.98 if distance == 1 else 0.88) * factor
                if label == "other" and neighbour == at - 1:
                    return 0.0
    return 0.0


def _last_label(line: str) -> str:
    """Return what a line calls the number that follows it."""
    label = ""
    for match in LABEL.finditer(line):
        label = match.lastgroup or ""
    return "code" if label != "code" and _is_about_code(line) else label


def _label_in(line: str) -> str:
    return "code" if _is_about_code(line) else ""


def _is_about_code(line: str) -> bool:
    return any(match.lastgroup == "code" for match in LABEL.finditer(line))


def _score_in_line(line: str, number: _Number) -> float:
    """Return how probably a line calls a number in it a code."""
    first, last = _sentence(line, number)
    before, after = line[first : number.start], line[number.end : last]
    previous = [each for each in _RUN.finditer(before) if not _is_amount(before, each)]
    label, end = _label_before(before, _label_start(before, previous))
    if label == "code":
        if DIRECT.fullmatch(before[end:]):
            return 1.0
        return 0.0 if _may_be_date(number.value) or TIME.search(before) else 0.9
    if _may_be_date(number.value):
        return 0.0
    if label == "other":
        is_purpose = not DIRECT.fullmatch(before[end:]) and _first_label(before) == "code"
        return 0.8 if is_purpose and ENDS_WITH_VERB.search(before) else 0.0
    following = _RUN.search(after)
    match = LABEL.search(after[: following.start()] if following else after)
    if match is not None and match.lastgroup == "code":
        return 0.9
    if IMPERATIVE.search(before) and PURPOSE.match(after):
        return 0.7
    if match is None and not previous and not before.strip(_DECORATION):
        return 0.0
    is_about = _is_about_code(line[:first]) or _is_about_code(line[last:])
    return 0.5 if is_about and IMPERATIVE.search(before) else 0.0


def _label_start(before: str, previous: Sequence[re.Match[str]]) -> int:
    """Return from where on a name may stand before a number: behind the number before it, unless
    both share it (``code: 1234 or 5678``), or that one says for what it is (``code for order 12
    is 1234``)."""
    at = len(before)
    for match in reversed(previous):
        gap = before[match.end() : at]
        if not JOIN.fullmatch(gap):
            is_verb = bool(VERB.fullmatch(gap)) and _first_label(before[: match.start()]) == "code"
            return 0 if is_verb else match.end()
        at = match.start()
    return 0


def _is_amount(before: str, run: re.Match[str]) -> bool:
    """Tell whether a number before another is an amount, such as of digits or minutes."""
    at = run.end()
    return len(run[0]) < 3 or bool(UNIT.match(before, at) or COUNTER.match(before, at))


def _first_label(text: str) -> str:
    match = LABEL.search(text)
    return (match.lastgroup or "") if match else ""


def _label_before(before: str, start: int) -> tuple[str, int]:
    """Return the last name before a number, and where it ends."""
    label, end = "", 0
    for match in LABEL.finditer(before, start):
        label, end = match.lastgroup or "", match.end()
        if start == 0 and label == "code" and _RUN.search(before, end):
            break  # what is called a code is named first
    return label, end


def _sentence(line: str, number: _Number) -> tuple[int, int]:
    first, last = 0, len(line)
    for match in _SENTENCE_END.finditer(line):
        if match.end() <= number.start:
            first = match.end()
        elif match.start() >= number.end:
            last = match.start()
            break
    return first, last


def _may_be_date(value: str) -> bool:
    return bool(_YEAR.fullmatch(value) or _DATE.fullmatch(value))


def _context(line: str, value: str) -> str:
    if len(line) <= CONTEXT:
        return line
    at = max(0, line.find(value[:3]))
    start = max(0, min(at - CONTEXT // 2, len(line) - CONTEXT))
    return line[start : start + CONTEXT].strip()


def _context_alone(lines: Sequence[str], masked: _MaskedLines, at: int) -> str:
    for distance in range(1, NEAR + 1):
        for neighbour in (at - distance, at + distance):
            if 0 <= neighbour < len(lines) and _is_about_code(masked[neighbour]):
                pair = (
                    (lines[neighbour], lines[at])
                    if neighbour < at
                    else (lines[at], lines[neighbour])
                )
                return " ".join(pair)[:CONTEXT]
    return lines[at][:CONTEXT]


def unique_values(codes: Iterable[OneTimeCode]) -> tuple[str, ...]:
    """Return the values of codes, best first."""
    return tuple(dict.fromkeys(each.value for each in codes))
