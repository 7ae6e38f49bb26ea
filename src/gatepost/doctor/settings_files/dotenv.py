"""Files of environment variables: .env as dotenv, Compose, Docker, Symfony and shells read it."""

import re
from typing import Final

from gatepost.doctor.settings_files.entry import (
    DOLLAR,
    FileEntry,
    Section,
    is_reference,
    make_entry,
    without_invisible,
)

_LINE: Final = re.compile(
    r"\s*(?:export\s+|set\s+|-\s+)?([A-Za-z_][\w.:\-]{0,200})\s*=(.*)", re.DOTALL
)
_CLOSED: Final = {
    '"': re.compile(r'((?:\\.|[^"\\])*)"(.*)', re.DOTALL),
    "'": re.compile(r"([^']*)'(.*)", re.DOTALL),
    "`": re.compile(r"([^`]*)`(.*)", re.DOTALL),
}
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}
MAX_LINES: Final = 40
"""Maximum lines of one quoted value."""


def read(text: str) -> list[Section]:
    """Return the variables of the file; the last one of each name counts."""
    lines = text.split("\n")
    section, number = Section(), 0
    while number < len(lines):
        match = _LINE.fullmatch(without_invisible(lines[number].lstrip("\ufeff")))
        if match is None or lines[number].lstrip().startswith("#"):
            number += 1
            continue
        key, raw = match[1], lines[number].partition("=")[2]
        value, used = _whole(raw, lines[number + 1 : number + MAX_LINES])
        entry = assigned(key, number + 1, value)
        before = lines[number].partition("=")[0]
        if before.lstrip(" \t")[:1] == "\ufeff" or "\u200b" in before:
            entry = entry.marked("bom")
        section.entries.append(entry)
        number += 1 + used
    return [section]


def _whole(raw: str, following: list[str]) -> tuple[str, int]:
    """Return a value whose quotes may include several lines, and the number of lines."""
    quote = raw.strip(" \t")[:1]
    if quote not in _CLOSED or _CLOSED[quote].fullmatch(raw.strip()[1:]):
        return raw, 0
    for count in range(1, len(following) + 1):
        if _LINE.match(following[count - 1]):
            return raw, 0  # the next variable: the quote was never closed
        longer = "\n".join((raw, *following[:count]))
        if _CLOSED[quote].fullmatch(longer.strip()[1:]):
            return longer, count
    return raw, 0


def assigned(key: str, line: int, raw: str) -> FileEntry:
    """Return the entry for ``key=raw``, with what readers of such files may do to the value."""
    carriage = raw.endswith("\r")
    text = raw.removesuffix("\r").lstrip(" \t")
    entry = _quoted(key, line, text) if text[:1] in _CLOSED else _unquoted(key, line, text)
    return entry.marked("cr") if carriage and entry.value else entry


def _quoted(key: str, line: int, text: str) -> FileEntry:
    quote = text[0]
    match = _CLOSED[quote].fullmatch(text[1:])
    if match is None:
        return FileEntry(key, line, text, marks=frozenset({"quote_open"}))
    inner, after = match[1], match[2].strip()
    marks = set()
    if after and not after.startswith("#"):
        marks.add("after_quote")
    if quote != '"':
        return make_entry(key, line, inner, marks=marks)
    if is_reference(inner):
        return FileEntry(key, line, inner, "elsewhere", frozenset(marks))
    if DOLLAR.search(inner):
        marks.add("dollar")
    if re.search(r"\\(?![$\"])", inner):
        marks.add("backslash")
    value = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[0]), inner, flags=re.DOTALL)
    return FileEntry(key, line, value, marks=frozenset(marks))


def _unquoted(key: str, line: int, text: str) -> FileEntry:
    marks = set()
    comment = re.search(r"(?:^|\s)#(\s|$)", text)
    value = text[: comment.start()] if comment else text
    if "#" in value:
        marks.add("hash")
    if comment is None and value != value.rstrip():
        marks.add("blank_at_end")
    value = value.rstrip()
    if is_reference(value):
        return FileEntry(key, line, value, "elsewhere", frozenset(marks - {"hash"}))
    if DOLLAR.search(value):
        marks.add("dollar")
    if re.search(r"\S\s+\S", value):
        marks.add("blank_inside")
    if "\\" in value:
        marks.add("backslash_bare")
    if re.search(r"['\"`]", value):
        marks.add("quote_inside")
    return FileEntry(key, line, value, marks=frozenset(marks))
