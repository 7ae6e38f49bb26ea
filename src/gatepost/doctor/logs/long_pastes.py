"""Cuts a long paste to what is read of it, before any expression searches it.

Kept are its beginning, its end, and between them the lines around what looks like a failure. A cut
must not hide from the redaction what is a secret. So a little more than this is redacted:
``shortened`` marks where the kept text ends and begins, and ``without_margins`` removes the rest
afterwards.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from gatepost.doctor.logs.json_lines import lines_in, parse_document, without_noncharacters
from gatepost.doctor.logs.log_format import MAX_LINE

CUT: Final = "\ufdd0"
"""Ends a line that was cut. Like the other two it is not a character, and in no paste."""
GAP: Final = "\ufdd1"
"""A line: text was left out, and what follows is only there to be redacted, ..."""
RESUMED: Final = "\ufdd2"
"""... up to this line."""
MARGIN: Final = 1_024
"""Characters of a line that are redacted, but not kept; secrets may be that long."""
_LONGEST: Final = MAX_LINE + MARGIN
_MARGIN_LINES: Final = 12
_OF_A_LINE: Final = 64
"""What a line costs, in characters, besides its text: each line is scanned many times."""
_BEFORE, _AFTER = 25, 6
"""Lines around a failure that are kept."""
_FAILURE: Final = re.compile(
    r"(?<![\w.])[45]\d\d[ -]|(?:error|fail|refus|reject|denied|exception|time[d -]?out|certificate|"
    r"auth|pass|secret)",
    re.IGNORECASE,
)
_DIGITS: Final = re.compile(r"[\d\W]+")
_SAME: Final = 120
"""Characters by which failures are compared, without digits: the last of the same ones is kept."""
_MOST_FAILURES: Final = 20_000
_UNFOLDINGS: Final = 3


class PasteBudget(NamedTuple):
    """Characters of each part that are read."""

    head: int
    middle: int
    tail: int


BUDGET: Final = PasteBudget(48 * 1024, 80 * 1024, 128 * 1024)


class Paste(NamedTuple):
    """What is read of a paste, and how many characters are not."""

    text: str
    left_out: int


def shortened(text: str, skipped: int = 0) -> Paste:
    """Return what is read of ``text``; its line ends are LF.

    ``skipped``: characters before it that were left out already.
    """
    text = without_noncharacters(text)
    lines, left_out = text.split("\n"), skipped
    if max(map(len, lines)) > MAX_LINE:
        lines = [part for line in lines for part in _unfolded(line, _UNFOLDINGS)]
        left_out += sum(len(line) - MAX_LINE for line in lines if len(line) > _LONGEST)
        text = "\n".join(map(_cut, lines))
    ranges = _ranges(text, after_gap=skipped > 0)
    left_out += len(text) - sum(end - start for start, end in ranges)
    return Paste("\n".join(_pieces(text, ranges, after_gap=skipped > 0)), left_out)


def without_margins(text: str) -> str:
    """Return redacted text without what was not to be kept."""
    if CUT not in text and GAP not in text:
        return text
    lines, in_margin = [], False
    for line in text.split("\n"):
        if line == GAP:
            in_margin = True
        elif line == RESUMED:
            in_margin = False
        elif not in_margin:
            before, cut, _ = line.partition(CUT)
            lines.append(f"{before[:-MARGIN]}..." if cut else line)
    return "\n".join(lines)


def is_failure(line: str) -> bool:
    """Tell whether a line looks like a failure."""
    return _FAILURE.search(line) is not None


def _unfolded(line: str, times: int) -> list[str]:
    """Divide a long line that is a JSON document, or has escaped line ends."""
    if len(line) <= MAX_LINE or not times:
        return [line]
    lines = lines_in(parse_document(line)) or with_line_ends(line).split("\n")
    return [part for each in lines for part in _unfolded(each, times - 1)]


_ESCAPED: Final = re.compile(r"(?:\\r)?\\n(?!['\"])")
_CODE: Final = re.compile(r"\d{3}[ -]")


def with_line_ends(line: str) -> str:
    """Return ``line`` with its escaped line ends as line ends, as far as replies follow."""
    last = 0
    for code in _CODE.finditer(line):
        last = code.start()
    return _ESCAPED.sub("\n", line[:last]) + line[last:]


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}{CUT}"


def _ranges(text: str, *, after_gap: bool) -> list[tuple[int, int]]:
    """Return the places of what is kept, in order, each of whole lines."""
    first = _down(text, 0, _MARGIN_LINES) if after_gap else 0
    if len(text) + _OF_A_LINE * text.count("\n") <= sum(BUDGET):
        return [(first, len(text))]
    head, tail = _down_to(text, first, BUDGET.head), _up_to(text, len(text), BUDGET.tail)
    if head >= tail:
        return [(first, len(text))]
    ranges = [(first, head), (tail, len(text))]
    left = BUDGET.middle
    for at in reversed(_failures(text, head, tail)):
        start, end = _up(text, at, _BEFORE, head), _down(text, at, _AFTER, tail)
        left -= end - start + _OF_A_LINE * (_BEFORE + _AFTER + _MARGIN_LINES)
        if left < 0:
            break
        ranges.append((start, end))
    return _merged(sorted(ranges))


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged = ranges[:1]
    for start, end in ranges[1:]:
        last_start, last_end = merged[-1]
        if start <= last_end:
            merged[-1] = (last_start, max(end, last_end))
        else:
            merged.append((start, end))
    return merged


def _failures(text: str, start: int, end: int) -> list[int]:
    """Return where lines begin that look like failures: the last one of each kind."""
    failures: dict[str, int] = {}
    for _ in range(_MOST_FAILURES):
        match = _FAILURE.search(text, start, end)
        if match is None:
            break
        at = text.rfind("\n", 0, match.start()) + 1
        start = text.find("\n", match.end()) + 1 or end
        kind = _DIGITS.sub("", text[at : min(start, match.end() + _SAME)][-2 * _SAME :])
        failures.pop(kind, None)
        failures[kind] = at
    return list(failures.values())


def _pieces(text: str, ranges: list[tuple[int, int]], *, after_gap: bool) -> Iterator[str]:
    """Yield the kept text, and before each range that follows a gap its margin."""
    before = 0
    for number, (start, end) in enumerate(ranges):
        if number or after_gap:
            margin = _up(text, start, _MARGIN_LINES, before)
            yield f"{GAP}\n{text[margin:start]}{RESUMED}"
        yield text[start:end].removesuffix("\n") if end < len(text) else text[start:end]
        before = end


def _down(text: str, at: int, lines: int, most: int = -1) -> int:
    """Return where the text goes on ``lines`` below, at the latest ``most``."""
    most = len(text) if most < 0 else most
    for _ in range(lines):
        at = text.find("\n", at, most) + 1
        if not at:
            return most
    return at


def _up(text: str, at: int, lines: int, least: int) -> int:
    """Return where a line begins ``lines`` above that of ``at``, not before ``least``."""
    for _ in range(lines):
        if at <= least:
            break
        at = text.rfind("\n", least, at - 1) + 1 or least
    return max(at, least)


def _down_to(text: str, at: int, budget: int) -> int:
    """Return the end of the lines from ``at`` that the budget permits."""
    while at < len(text):
        end = text.find("\n", at) + 1 or len(text)
        budget -= end - at + _OF_A_LINE
        if budget < 0:
            break
        at = end
    return at


def _up_to(text: str, at: int, budget: int) -> int:
    """Return the start of the lines before ``at`` that the budget permits."""
    while at > 0:
        start = text.rfind("\n", 0, at - 1) + 1
        budget -= at - start + _OF_A_LINE
        if budget < 0:
            break
        at = start
    return at
