"""Java's .properties (Spring's application.properties), and .ini files with sections."""

import re
from collections.abc import Iterator
from typing import Final

from gatepost.doctor.settings_files.entry import FileEntry, Form, Section, is_reference, make_entry

_SPLIT: Final = re.compile(r"((?:\\.|[^=:\s\\])+)[ \t\f]*[=:]?[ \t\f]*(.*)", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f"}


def read(text: str) -> list[Section]:
    """Return the properties, escapes and continuation lines resolved as Java does."""
    section = Section()
    for line, logical in _logical(text):
        match = _SPLIT.fullmatch(logical)
        if match is None:
            continue
        key, raw = match[1].replace("\\", ""), match[2]
        marks = set()
        if key.startswith("\ufeff"):
            key = key.removeprefix("\ufeff")
            marks.add("bom")
        value = _ESCAPE.sub(_unescaped, raw)
        if re.search(r"\\(?![:=#!\\ u])", raw):
            marks.add("backslash_dropped")
        if "${" in value and not is_reference(value.strip()):
            marks.add("dollar")
        if re.search(r"\S\s+#", value):
            marks.add("comment")
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            marks.add("quotes_kept")
        if not value.isascii():
            marks.add("latin1")
        form: Form = "elsewhere" if is_reference(value.strip()) else "bare"
        section.entries.append(FileEntry(key, line, value, form, frozenset(marks)))
    return [section]


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Yield the number and text of each logical line: without comments, continuations joined."""
    held, first = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        line = line.removesuffix("\r").lstrip(" \t\f")  # noqa: PLW2901
        if not held and (not line or line[0] in "#!"):
            continue
        first = first if held else number
        ends = len(line) - len(line.rstrip("\\"))
        if ends % 2:
            held += line[:-1]
            continue
        yield first, held + line
        held = ""
    if held:
        yield first, held


def _unescaped(match: re.Match[str]) -> str:
    what = match[1]
    if what[0] == "u" and len(what) == 5:
        return chr(int(what[1:], 16))
    return _ESCAPED.get(what, what)


def read_ini(text: str) -> list[Section]:
    """Return the settings of an .ini file, prefixed with their section's name."""
    section, name = Section(), ""
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()  # noqa: PLW2901
        if not line or line[0] in "#;":
            continue
        if line[0] == "[":
            name = line.strip("[] ")
            continue
        key, equals, raw = line.partition("=")
        if not equals:
            continue
        value, marks = raw.strip(), set()
        long_quotes = re.fullmatch(r'"""(.*)"""|`(.*)`', value)
        if long_quotes:
            value = long_quotes[1] or long_quotes[2] or ""
        elif len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        elif re.search(r"[#;]", value):
            marks.add("hash")
        path = f"{name}.{key.strip()}" if name else key.strip()
        section.entries.append(make_entry(path, number, value, marks=marks))
    return [section]
