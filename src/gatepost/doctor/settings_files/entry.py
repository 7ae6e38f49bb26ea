"""The content of a file as its reader returns it: names with values, and marks for each."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, cast

from gatepost.model.setting import Role, Setting

Form = Literal["bare", "text", "true", "false", "null", "elsewhere"]
"""``bare`` has no type; ``text`` is a literal string of a typed language."""

INVISIBLE: Final = "\u00a0\u00ad\u2007\u202f\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
"""Characters that look like a blank but are not, and characters without a width."""
_INVISIBLE: Final = re.compile(f"[{INVISIBLE}]")
_SMART: Final = re.compile("[\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb]")
DOLLAR: Final = re.compile(r"(?<!\\)\$(?:\{|\(|\w|\$)")
"""What shells, Compose and most readers of .env files replace by a variable."""
_REFERENCE: Final = re.compile(
    r"\$\{[^}]*\}|\$?\{\{.*\}\}|\$[A-Z][A-Z0-9_]*|\$\([^)]*\)|%[\w(): .-]+%|\{%.*%\}|<%.*%>|"
    r"#\{.*\}#?|"
    r"@Microsoft\.KeyVault\(.*\)|\*{3,}|•+|(?:op|vault|ref|secret|arn|sops|aws|gcp|azure)[:+].*|"
    r"ENC\[.*\]|ENC\(.*\)|\{cipher\}.*|<redacted>|\[redacted\]",
    re.IGNORECASE | re.DOTALL,
)
"""A value that only says where the value is."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One setting of a file. ``path``: its name, after its sections, separated by dots."""

    path: str
    line: int
    value: str = ""
    form: Form = "bare"
    marks: frozenset[str] = frozenset()

    def marked(self, *marks: str) -> "FileEntry":
        """Return this entry with more marks."""
        return replace(self, marks=self.marks | frozenset(marks))

    def setting(self, role: str, value: str = "", **rest: Any) -> Setting:
        """Return this entry as a setting. ``value``: what may be shown of it."""
        return Setting(cast("Role", role), self.path, self.line, value, **rest)


@dataclass(slots=True)
class Section:
    """The entries of one client."""

    name: str = ""
    entries: list[FileEntry] = field(default_factory=list)


def make_entry(
    path: str, line: int, value: str, form: Form = "bare", marks: Iterable[str] = ()
) -> FileEntry:
    """Return the entry of a value, which may refer to one that is stored elsewhere."""
    form = "elsewhere" if is_reference(value) else form
    return FileEntry(path, line, value, form, frozenset(marks))


def is_reference(value: str) -> bool:
    """Tell whether ``value`` refers to one that is stored elsewhere."""
    if value[:1] == "$" and value[1:].isalnum() and value != value.upper():
        return False  # a password may begin like this
    return _REFERENCE.fullmatch(value) is not None


def seen_in(value: str) -> frozenset[str]:
    """Return the marks that a value has in any format."""
    marks = set()
    if value != value.strip(" \t\r\n"):
        marks.add("newline" if value.rstrip(" \t") != value.rstrip() else "edge_blank")
    elif "\n" in value or "\r" in value:
        marks.add("newline")
    if any(each < " " and each not in "\r\n" for each in value.strip()):
        marks.add("control")
    if _INVISIBLE.search(value):
        marks.add("invisible")
    if _SMART.search(value):
        marks.add("smart_quotes")
    return frozenset(marks)


def without_invisible(text: str) -> str:
    """Return ``text`` without invisible characters."""
    return _INVISIBLE.sub("", text)
