"""What a condition compares with: texts, ranges, networks, times and durations."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

from gatepost.model.expressions import MAX_PATTERN, compile_expression, compile_glob
from gatepost.model.fast_dataclass import dataclass

MAX_ALTERNATIVES: Final = 100
"""Patterns in a list."""
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(ms|s|m|h|d)?")
_NULL: Final = "<>"
"""How a pattern may write the null sender."""

TextTest = Callable[[str], bool]


def compile_text(pattern: str | Iterable[str]) -> TextTest:
    """Return the test for a Text: a glob, ``/regex/``, ``!not``, or a list of which any must match.

    Case does not matter. Raises ValueError with a sentence.
    """
    if isinstance(pattern, str):
        return _compile_one(pattern)
    tests = [_compile_one(each) for each in pattern]
    if not 1 <= len(tests) <= MAX_ALTERNATIVES:
        raise ValueError(f"a list has between 1 and {MAX_ALTERNATIVES} patterns")
    return lambda text: any(test(text) for test in tests)


def _compile_one(pattern: str) -> TextTest:
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"a pattern has at most {MAX_PATTERN} characters")
    if pattern.startswith("!"):
        test = _compile_one(pattern[1:])
        return lambda text: not test(text)
    if len(pattern) > 1 and pattern.startswith("/") and pattern.endswith("/"):
        return compile_expression(pattern[1:-1]).is_in
    if "*" in pattern or "?" in pattern:
        return compile_glob(pattern).is_in
    wanted = "" if pattern == _NULL else pattern.casefold()
    return lambda text: text.casefold() == wanted


@dataclass(frozen=True, slots=True)
class NumberRange:
    """Numbers from ``low`` to ``high``, every ``step``-th of them."""

    low: int = 0
    high: int | None = None
    """None: no end."""
    step: int = 1

    def __contains__(self, number: int) -> bool:
        if number < self.low or (self.high is not None and number > self.high):
            return False
        return number % self.step == 0


def parse_range(text: str | int) -> NumberRange:
    """Read ``3``, ``1-2``, ``3-``, ``*/10``, ``>1000`` or ``<1000``. Raises ValueError."""
    text = str(text).replace(" ", "")
    if text.startswith("*/"):
        step = _number(text[2:], text)
        if not step:
            raise ValueError("*/0 is not a range")
        return NumberRange(step, None, step)
    for sign, low, high in ((">=", 0, None), ("<=", None, 0), (">", 1, None), ("<", None, -1)):
        if text.startswith(sign):
            number = _number(text.removeprefix(sign), text)
            if low is not None:
                return NumberRange(number + low)
            return NumberRange(0, number + (high or 0))
    first, dash, last = text.partition("-")
    begin = _number(first, text)
    end = (_number(last, text) if last else None) if dash else begin
    if end is not None and end < begin:
        raise ValueError(f"the range {text} is empty")
    return NumberRange(begin, end)


def _number(digits: str, text: str) -> int:
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 15):
        raise ValueError(f"{text[:40]!r} is not a range such as 3, 1-2, 3-, */10 or >1000")
    return int(digits)


def parse_duration(text: str) -> float:
    """Return the seconds in ``60``, ``60s``, ``200ms``, ``5m``, ``2h`` or ``1d``. Raises
    ValueError."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text[:40]!r} is not a duration such as 5s, 200ms or 2m")
    return float(match[1]) * _UNITS[match[2] or "s"]


def parse_moment(text: str, begin: float) -> float:
    """Return a Time in seconds since 1970: RFC 3339, or ``+5s`` after ``begin``. Raises
    ValueError."""
    if text.startswith("+"):
        return begin + parse_duration(text[1:])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text[:40]!r} is not a time such as 2026-12-01T08:00:00Z or +5s"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()
