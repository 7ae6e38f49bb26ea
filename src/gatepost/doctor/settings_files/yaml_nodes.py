"""YAML, as PyYAML reads it: the nodes of every document, with their lines and styles.

Nothing is constructed: tags are not followed, and what an alias repeats is read within bounds.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import yaml

from gatepost.doctor.settings_files.entry import DOLLAR, FileEntry, Form, is_reference
from gatepost.doctor.settings_files.urls import REFERENCE

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NUMBER: Final = re.compile(
    r"[-+]?(?:0[0-7]+|0o[0-7]+|0x[0-9a-fA-F]+|\d[\d_]*\.\d*(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+|"
    r"\d+_[\d_]*|\d+(?::[0-5]?\d)+)"
)
"""Numbers whose value differs from their text."""
_TRUE: Final = frozenset({"true", "yes", "on"})
_FALSE: Final = frozenset({"false", "no", "off"})
_MERGE: Final = "tag:yaml.org,2002:merge"
_ENVIRONMENT: Final = re.compile(r"[A-Za-z_][\w.]*")
MAX_DEPTH: Final = 40
MAX_NODES: Final = 50_000
"""Nodes that are read of one file; aliases may repeat a few of them without end."""
MAX_KEY: Final = 200
"""Characters of a name that are read."""

Error = (yaml.YAMLError, RecursionError, ValueError)
"""What PyYAML raises if it does not read a text."""


class YamlReader:
    """Reads texts, as far as the bound permits; there may be loops in them."""

    def __init__(self) -> None:
        self._left = MAX_NODES
        self._text, self._line = "", 1

    def read(self, text: str, path: str = "", line: int = 1) -> list[FileEntry]:
        """Return the entries of all documents in ``text``, which is below ``path`` and begins at
        ``line``. Raises one of ``Error`` if PyYAML refuses it."""
        entries: list[FileEntry] = []
        for node in list(yaml.compose_all(text, Loader=_LOADER)):
            self._text, self._line = text, line
            inside = list(self._entries(node, path, line, MAX_DEPTH))
            is_secret = any(each.path == "kind" and each.value == "Secret" for each in inside)
            entries += [_decoded(each) if is_secret else each for each in inside]
        return entries

    def _entries(self, node: yaml.Node, path: str, line: int, depth: int) -> Iterator[FileEntry]:
        """Yield the entries of ``node``, which belongs to the name at ``line``."""
        self._left -= 1
        if self._left < 0 or depth < 0:
            return
        raw = self._text[node.start_mark.index : node.end_mark.index]
        if raw.startswith("{{"):  # a template that happens to be YAML
            yield FileEntry(path, line, raw[:MAX_KEY], "elsewhere")
        elif isinstance(node, yaml.ScalarNode):
            yield self._scalar(node, path, line, raw)
        elif node.tag.startswith("!"):
            yield FileEntry(path, line, "", "elsewhere")
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                for entry in self._entries(item, path, self._line_of(item), depth - 1):
                    is_item = isinstance(item, yaml.ScalarNode)
                    yield _environment(entry) if is_item else entry
        elif isinstance(node, yaml.MappingNode):
            yield from self._mapping(node, path, depth)

    def _mapping(self, node: yaml.MappingNode, path: str, depth: int) -> Iterator[FileEntry]:
        """Yield what is merged first: the mapping's own values count."""
        for key, value in sorted(node.value, key=lambda pair: pair[0].tag != _MERGE):
            line = self._line_of(key)
            if key.tag == _MERGE:
                yield from self._entries(value, path, line, depth - 1)
            elif isinstance(key, yaml.ScalarNode):
                name = key.value[:MAX_KEY]
                inner = f"{path}.{name}" if path else name
                yield from self._entries(value, inner, line, depth - 1)

    def _line_of(self, node: yaml.Node) -> int:
        return self._line + int(node.start_mark.line)

    def _scalar(self, node: yaml.ScalarNode, path: str, line: int, raw: str) -> FileEntry:
        value = str(node.value)
        if raw[:1] in ("!", "&") and not value and not node.style:
            return FileEntry(path, line, raw, marks=frozenset({"special_start"}))
        if node.tag.startswith("!"):
            return FileEntry(path, line, "", "elsewhere")
        if node.style or raw.startswith("!"):
            odd = node.style == '"' and re.search(r"\\[^\"\\/\r\n]", raw)
            return judged(
                FileEntry(path, line, value, "text", frozenset({"backslash"} if odd else ()))
            )
        return plain(path, line, value, self._text[node.end_mark.index : node.end_mark.index + 80])


def plain(path: str, line: int, value: str, after: str = "") -> FileEntry:
    """Return the entry of a scalar without quotes. ``after``: what follows it in the file."""
    low = value.lower()
    if low in _TRUE or low in _FALSE:
        return FileEntry(path, line, value, "true" if low in _TRUE else "false")
    if low in ("null", "~", ""):
        return FileEntry(path, line, "", "null")
    marks = {"hash"} if re.match(r"[ \t]+#\S", after) else set()
    if _NUMBER.fullmatch(value):
        marks.add("number")
    return judged(FileEntry(path, line, value, "bare", frozenset(marks)))


def judged(entry: FileEntry) -> FileEntry:
    """Return an entry with what Compose or a framework does to its value."""
    value = entry.value
    if is_reference(value) or (REFERENCE in value and "://" not in value):
        return replace(entry, form="elsewhere")
    in_compose = re.search(r"(?:^|\.)environment(?:\.|$)", entry.path) is not None
    if in_compose and DOLLAR.search(value.replace("$$", "")):
        return entry.marked("dollar")
    if in_compose:
        return replace(entry, value=value.replace("$$", "$"))
    return entry.marked("dollar") if re.search(r"\$\{[^${}]+\}", value) else entry


def _environment(item: FileEntry) -> FileEntry:
    """Return a list's item, in Compose an environment variable, under the variable's name."""
    name, equals, value = item.value.partition("=")
    if not equals or not _ENVIRONMENT.fullmatch(name):
        return item
    form: Form = "elsewhere" if is_reference(value) else "bare"
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        item = item.marked("quotes_kept")
    return replace(item, path=f"{item.path}.{name[:MAX_KEY]}", value=value, form=form)


def _decoded(entry: FileEntry) -> FileEntry:
    """Return a decoded value of a Kubernetes Secret's ``data``; the line end that ``echo`` adds is
    visible only after decoding."""
    if not entry.path.startswith("data.") or entry.form == "elsewhere":
        return entry
    try:
        value = base64.b64decode(entry.value, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return entry.marked("not_base64")
    return replace(entry, value=value, form="text", marks=frozenset())
