"""appsettings.json as .NET reads it: with comments and trailing commas, case-insensitive names.

A separate parser, because the line of every value is needed.
"""

import json
import re
from collections.abc import Iterator
from typing import Final

from gatepost.doctor.settings_files.entry import FileEntry, Form, Section, make_entry

_TOKEN: Final = re.compile(
    r'(?P<skip>[\s,]+|//[^\n]*|/\*.*?(?:\*/|\Z))|(?P<text>"(?:\\.|[^"\\\n])*+"?)|(?P<open>[{\[])|'
    r"(?P<close>[}\]])|(?P<colon>:)|(?P<word>[^\s,:{}\[\]\"/]+)|(?P<other>.)",
    re.DOTALL,
)
_MAX_DEPTH: Final = 60
_MAX_NAME: Final = 200
"""Characters of a name that are read."""


def read(text: str) -> list[Section]:
    """Return every value by its path; a repeated name is marked."""
    section, names = Section(), set[str]()
    for entry in _values(text.removeprefix("\ufeff")):
        name = entry.path.lower()
        section.entries.append(entry.marked("twice") if name in names else entry)
        names.add(name)
    return [section]


def _values(text: str) -> Iterator[FileEntry]:
    stack: list[tuple[bool, str]] = []
    key, line, pending = "", 1, ""
    for match in _TOKEN.finditer(text):
        what, token = match.lastgroup, match[0]
        if what == "open":
            if len(stack) > _MAX_DEPTH:
                return
            stack.append((token == "{", key[:_MAX_NAME]))
            key = ""
        elif what == "close":
            key = ""
            if stack:
                stack.pop()
        elif what == "colon":
            key = pending
        elif what in ("text", "word"):
            inside = bool(stack) and stack[-1][0]
            if inside and not key:
                pending = _string(token) if what == "text" else token
            else:
                path = ".".join(filter(None, (*(name for _, name in stack), key[:_MAX_NAME])))
                if path:
                    yield _entry(path, line, token, what == "text")
                key = ""
        line += token.count("\n")


def _entry(path: str, line: int, token: str, is_text: bool) -> FileEntry:
    if not is_text:
        forms: dict[str, Form] = {"true": "true", "false": "false", "null": "null"}
        return FileEntry(path, line, "" if token == "null" else token, forms.get(token, "bare"))
    return make_entry(path, line, _string(token), "text")


def _string(literal: str) -> str:
    try:
        return str(json.loads(literal, strict=False))
    except ValueError:
        return literal.strip('"')
