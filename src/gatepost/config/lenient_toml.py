"""TOML with mistakes: each is reported, and the rest of the file is read nevertheless.

``tomllib`` stops at the first mistake. A line with one key and its value cannot hide what follows,
so its value is replaced by ``MISTAKEN``, which is not reported again.
"""

import re
import tomllib
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

MISTAKEN: Final = "\ufdd0mistaken"
"""Replaces a value that is not valid TOML. It is a noncharacter, which no text contains (Unicode
23.7)."""
_TABLE: Final = "\ufdd0table"
"""Replaces the header of a table that is not permitted."""
_MOST: Final = 100
_AT_LINE: Final = re.compile(r" ?\(at (?:line (\d++)[^()]*|end of document)\)")
_TWICE: Final = re.compile(r"overwrite|twice|mutate")
_KEY: Final = r"(?:[A-Za-z0-9_-]+|\"[^\"\n]*\"|'[^'\n]*')"
_KEYS: Final = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_PAIR: Final = re.compile(rf"[ \t]*({_KEYS})[ \t]*(?:=|:(?!:))[ \t]*([^#\n]*)")
_OPEN: Final = re.compile(rf"[ \t]*{_KEYS}[ \t]*=[ \t]*'(?!'')[^']*$")
_HEAD: Final = re.compile(rf"[ \t]*(\[{{1,2}})[ \t]*({_KEYS})[ \t\]]*(?:#.*)?\r?")
_WORDS: Final = {
    "yes": "true", "on": "true", "true": "true", "no": "false", "off": "false", "false": "false",
}  # fmt: skip
_CURLED: Final = "\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb`"


class Mistake(NamedTuple):
    """Something that is not valid TOML. The text of the file is not shown: it may be a secret."""

    line: int
    message: str
    did_you_mean: str = ""


class ParsedToml(NamedTuple):
    """The result of reading a text."""

    fields: dict[str, Any] | None
    """None if a mistake left no table at all."""
    text: str
    """The text with replacements, which has as many lines as the original."""
    mistakes: Sequence[Mistake]


def read_toml(text: str) -> ParsedToml:
    """Return what can be read. Raises ValueError or RecursionError if that is nothing."""
    lines, mistakes = text.split("\n"), list[Mistake]()
    while True:
        mended = "\n".join(lines)
        try:
            fields = tomllib.loads(mended)
        except tomllib.TOMLDecodeError as error:
            line, reason = _placed(error, lines)
            if mistakes and line <= mistakes[-1].line:
                return ParsedToml(None, mended, mistakes)  # the replaced line was not the mistake
            mistake, other = _look_at(lines[line - 1], line, reason)
            mistakes.append(mistake)
            if other is None or len(mistakes) == _MOST:
                return ParsedToml(None, mended, mistakes)
            lines[line - 1] = other
        else:
            fields.pop(_TABLE, None)
            return ParsedToml(fields, mended, mistakes)


def _placed(error: tomllib.TOMLDecodeError, lines: Sequence[str]) -> tuple[int, str]:
    """Return the line of a mistake, and its text."""
    match = _AT_LINE.search(str(error))
    if match and match[1]:
        line = int(match[1])
    else:  # a string in single quotation marks is searched to the end of the document
        line = next((n for n, each in enumerate(lines, 1) if _OPEN.match(each)), len(lines))
    return line, _AT_LINE.sub("", str(error))


def _look_at(line: str, number: int, reason: str) -> tuple[Mistake, str | None]:
    """Return the mistake of a line, and a replacement; None if that cannot be said."""
    if head := _HEAD.fullmatch(line):
        opening, keys = head.groups()
        if _TWICE.search(reason):
            return Mistake(number, f"[{keys}] is defined a second time here"), f'[["{_TABLE}"]]'
        closing = "]" * len(opening)
        near = f"{opening}{keys}{closing}"
        return Mistake(number, f"invalid TOML: {reason}", near), near
    if pair := _PAIR.match(line):
        keys, value = pair[1], pair[2].strip()
        if _TWICE.search(reason):
            return Mistake(number, f"{keys} is defined a second time here"), ""
        message, near = _explain(value, reason)
        return Mistake(
            number, f"{keys} is not valid TOML: {message}", near
        ), f'{keys} = "{MISTAKEN}"'
    return Mistake(number, f"invalid TOML: {reason}"), None


def _explain(value: str, reason: str) -> tuple[str, str]:
    """Return the usual mistake in a value, and what was meant."""
    word = _WORDS.get(value.lower(), "")
    if word:
        return reason, word
    if value[:1] and value[0] in _CURLED:
        return "the quotation marks must be \" or '", ""
    if re.match(r"[A-Za-z/~*.]|[0-9]+ *[A-Za-z/.:][^=]*[A-Za-z0-9]$|[0-9]+[a-z]$", value):
        return "a string needs quotation marks", ""
    if value[:1] in ("'", '"') and value.count(value[0]) == 1:
        return "the string has no closing quotation mark", ""
    return reason, ""
