"""Patterns of clients for codes of their own form: regular expressions that take linear time."""

import re
from collections.abc import Sequence
from typing import Final

from gatepost.mailbox.codes import CONTEXT, LONGEST_LINE, LONGEST_TEXT, OneTimeCode, Where

LONGEST: Final = 100
"""Maximum characters of a pattern."""
_MOST_CHOICES: Final = 64
"""How many lengths all its repetitions together may have for one start."""
_UNBOUNDED: Final = 32
"""For how many lengths ``+`` and ``*`` stand here."""
_TOKEN: Final = re.compile(
    r"\\[dDwWsSbB.^$*+?{}\[\]\\|()/-]|\[\^?(?:\\[dDwWsS\\\]\[^-]|[^\\\[\]])+\]|[^\\\[\](){}*+?|^$]"
)
_OPERATOR: Final = re.compile(r"--|&&|~~|\|\|")
"""In a class; later versions of Python may read them as operations on sets."""
_REPEAT: Final = re.compile(r"[*+?]|\{(\d{1,2})(?:,(\d{0,2}))?\}")
_GROUP: Final = re.compile(r"\((?!\?)|[)|]")


class BadPattern(ValueError):
    """A pattern that is not supported."""


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return a client's pattern, bounded.

    It has characters, classes, repetitions of these, alternatives, and up to one group, whose match
    is the value. Raises BadPattern.
    """
    if not 0 < len(pattern) <= LONGEST:
        raise BadPattern(f"a pattern has up to {LONGEST} characters")
    bounded, choices, at, groups = list[str](), 1, 0, 0
    while at < len(pattern):
        group = _GROUP.match(pattern, at)
        if group is not None:
            groups += group[0] == "("
            bounded.append(group[0])
            at = group.end()
            continue
        token = _TOKEN.match(pattern, at)
        if token is None:
            raise BadPattern(f"not supported at character {at + 1}: {pattern[at : at + 10]}")
        if _OPERATOR.search(token[0]):
            raise BadPattern(f"write \\- or one character for two: {token[0]}")
        at = token.end()
        repeat = _REPEAT.match(pattern, at)
        bounded.append(token[0])
        if repeat is not None:
            least, most = _range(repeat)
            bounded.append(f"{{{least},{most}}}")
            choices *= most - least + 1
            at = repeat.end()
    if groups > 1:
        raise BadPattern("a pattern has at most one group")
    if choices > _MOST_CHOICES:
        raise BadPattern("its repetitions have too many lengths: limit them, as in \\d{4,8}")
    try:
        return re.compile("".join(bounded))
    except re.error as error:
        raise BadPattern(str(error)) from None


def find_pattern(pattern: re.Pattern[str], texts: Sequence[tuple[Where, str]]) -> list[OneTimeCode]:
    """Return what matches in the lines of texts, each value once."""
    by_value: dict[str, OneTimeCode] = {}
    for where, text in texts:
        for line in text[:LONGEST_TEXT].splitlines():
            for match in pattern.finditer(line[:LONGEST_LINE]):
                value = match[1] if pattern.groups else match[0]
                if value and value not in by_value:
                    start = max(0, match.start() - CONTEXT // 2)
                    context = line[start : start + CONTEXT].strip()
                    by_value[value] = OneTimeCode(value, where, 1.0, context)
    return list(by_value.values())


def _range(repeat: "re.Match[str]") -> tuple[int, int]:
    least, most = {"*": (0, _UNBOUNDED - 1), "+": (1, _UNBOUNDED), "?": (0, 1)}.get(
        repeat[0], (-1, -1)
    )
    if least >= 0:
        return least, most
    least = int(repeat[1])
    if repeat[2] is None:
        return least, least
    most = int(repeat[2]) if repeat[2] else least + _UNBOUNDED - 1
    if most < least:
        raise BadPattern(f"{repeat[0]} has no length")
    return least, most
