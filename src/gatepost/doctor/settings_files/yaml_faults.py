"""YAML that does not parse: what PyYAML reads of it, and the lines at which it fails.

The file is divided at its least indented lines, and each part that PyYAML refuses at those below.
So everything that is YAML is read as YAML, and a fault is claimed only of a line that PyYAML
refuses by itself.
"""

import re
from typing import Final

from gatepost.doctor.settings_files.entry import FileEntry
from gatepost.doctor.settings_files.yaml_nodes import MAX_DEPTH, MAX_KEY, Error, YamlReader, judged

_PAIR: Final = re.compile(
    r"(?P<q>['\"]?)(?P<key>[^'\"#{}\[\],&*!|>%@`\s](?:[^'\":]|:(?=\S))*+)(?P=q)[ \t]*+:"
    r"(?:[ \t]++(?P<value>.*))?"
)
_ANCHOR: Final = re.compile(r"(?<=[:\s-]\s)&([\w-]+)(?=\s|$)")
_CLOSED: Final = re.compile(r"\"(?:\\.|[^\"\\])*+\"|'(?:''|[^'])*+'", re.DOTALL)
_SPECIAL: Final = "&*%@`|>[]{}!,"
_MOST: Final = 1_000_000
"""Characters that PyYAML is given: parts are read again at each depth."""


def read_parts(text: str) -> list[FileEntry]:
    """Return the entries of a text that PyYAML refuses as a whole."""
    reader = _Parts(frozenset(_ANCHOR.findall(text)))
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    starts = [at for at, line in enumerate(lines) if line.startswith("---")]
    for start, end in zip((0, *starts), (*starts, len(lines)), strict=True):
        first = min(start + bool(starts) * lines[start].startswith("---"), end)
        reader.read(lines[first:end], "", first + 1)
    return reader.entries


class _Parts:
    """Reads parts of a file, as far as the bound permits."""

    def __init__(self, anchors: frozenset[str]) -> None:
        self.entries: list[FileEntry] = []
        self._anchors = anchors
        self._reader = YamlReader()
        self._left = _MOST

    def read(self, lines: list[str], path: str, line: int, depth: int = MAX_DEPTH) -> None:
        """Read lines below ``path``, the first of which is ``line`` of the file."""
        self._left -= sum(map(len, lines))
        if self._left < 0 or depth < 0:
            return
        try:
            self.entries += self._reader.read("\n".join(lines), path, line)
        except Error:
            parts = _divided(lines)
            for start, end in zip(parts, (*parts[1:], len(lines)), strict=False):
                if len(parts) > 1:
                    self.read(lines[start:end], path, line + start, depth - 1)
                else:
                    self._step_into(lines[start:end], path, line + start, depth - 1)

    def _step_into(self, lines: list[str], path: str, line: int, depth: int) -> None:
        """Read a part with one item or one name, which PyYAML refuses."""
        body = lines[0].lstrip(" ")
        if body.startswith("- ") or body.rstrip() == "-":
            inner = lines[0].replace("-", " ", 1)
            self.read([inner, *lines[1:]], path, line, depth)
            return
        pair = _PAIR.fullmatch(body)
        if pair is None:
            self.read(lines[1:], path, line + 1, depth)
            return
        name, value = pair["key"].strip()[:MAX_KEY], (pair["value"] or "").strip()
        inside = f"{path}.{name}" if path else name
        if value and not value.startswith("#"):
            self.entries.append(self._refused(inside, line, value))
        if len(lines) > 1:
            self.read(lines[1:], inside, line + 1, depth)

    def _refused(self, path: str, line: int, value: str) -> FileEntry:
        """Return the entry of a value because of which PyYAML refuses its line."""
        if value[0] == "*" and value[1:] in self._anchors:
            return FileEntry(path, line, "", "elsewhere")
        entry = judged(FileEntry(path, line, value))
        if entry.form == "elsewhere":
            return entry
        if value[0] in "'\"":
            closed = _CLOSED.match(value)
            whole = closed is not None and closed.end() == len(value)
            return entry.marked("backslash" if whole else "after_quote" if closed else "quote_open")
        if value[0] in _SPECIAL or value.startswith("- "):
            return entry.marked("special_start")
        return entry.marked("colon") if re.search(r":(?:\s|$)", value) else entry


def _divided(lines: list[str]) -> list[int]:
    """Return where the least indented lines begin; items may be as little indented as the name of
    their list, to which they belong."""
    indents = [
        (at, len(line) - len(line.lstrip(" ")), line.lstrip(" "))
        for at, line in enumerate(lines)
        if line.strip() and line.lstrip(" ")[0] not in "#\t"
    ]
    if not indents:
        return []
    least = min(indent for _, indent, _ in indents)
    own = [(at, body) for at, indent, body in indents if indent == least]
    names = [at for at, body in own if not body.startswith("- ")]
    starts = names if names and names[0] == indents[0][0] else [at for at, _ in own]
    return starts if starts[0] == indents[0][0] else [indents[0][0], *starts]
