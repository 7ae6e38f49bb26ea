"""The line of each key of a TOML document, which ``tomllib`` does not tell.

A simple scan of text that ``tomllib`` has accepted; for other texts the result is meaningless.
"""

import re
from typing import Final

Path = tuple[str | int, ...]
"""Keys, and indices into arrays, from the document's root."""

_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_ATOM: Final = re.compile(r"[^,\]}#\n]*")
_BASIC: Final = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
_LITERAL: Final = re.compile(r"'([^'\n]*)'")
_LONG_BASIC: Final = re.compile(r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}', re.DOTALL)
_LONG_LITERAL: Final = re.compile(r"'''(?:[^']|'{1,2}(?!'))*'{3,5}", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2}|.)")
_ESCAPED: Final = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b"}


def find_positions(text: str) -> dict[Path, int]:
    """Return the line (from 1) on which each key, table and array element begins."""
    scan = _Scan(text)
    scan.document()
    return scan.lines


class _Scan:
    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._line, self._counted = 1, 0
        self._table: Path = ()
        self._arrays: dict[Path, int] = {}
        """Arrays of tables, and the index of their last one."""
        self.lines: dict[Path, int] = {}

    def document(self) -> None:
        while self._blank() < len(self._text):
            if self._text.startswith("[[", self._at):
                self._at += 2
                self._enter(self._keys(), is_array=True)
                self._at = self._text.index("]]", self._at) + 2
            elif self._text[self._at] == "[":
                self._at += 1
                self._enter(self._keys(), is_array=False)
                self._at = self._text.index("]", self._at) + 1
            else:
                self._pair(self._table)

    def _enter(self, keys: tuple[str, ...], *, is_array: bool) -> None:
        path: Path = ()
        for number, key in enumerate(keys):
            path = (*path, key)
            self._note(path)
            if is_array and number == len(keys) - 1:
                self._arrays[path] = self._arrays.get(path, -1) + 1
            if path in self._arrays:
                path = (*path, self._arrays[path])
                self._note(path)
        self._table = path
        # The header of a table counts, not the dotted key that named it first.
        self.lines[path] = self._now()

    def _pair(self, table: Path) -> None:
        path = table
        for key in self._keys():
            path = (*path, key)
            self._note(path)
        self._blank()
        self._at += 1  # the equals sign
        self._value(path)

    def _keys(self) -> tuple[str, ...]:
        keys = [self._key()]
        while self._text.startswith(".", self._blank()):
            self._at += 1
            keys.append(self._key())
        return tuple(keys)

    def _key(self) -> str:
        self._blank()
        for pattern in (_BARE, _LITERAL, _BASIC):
            match = pattern.match(self._text, self._at)
            if match:
                self._at = match.end()
                text = match[match.lastindex or 0]
                return _ESCAPE.sub(_unescape, text) if pattern is _BASIC else text
        raise ValueError(f"no key on line {self._now()}")

    def _value(self, path: Path) -> None:
        start = self._blank()
        self._note(path)
        opening = self._text[start : start + 1]
        if opening == "[":
            self._at += 1
            self._array(path)
        elif opening == "{":
            self._at += 1
            self._inline(path)
        else:
            self._at = self._scalar(start)

    def _array(self, path: Path) -> None:
        index = 0
        while self._text[self._blank()] != "]":
            if self._text[self._at] == ",":
                self._at += 1
                continue
            self._value((*path, index))
            index += 1
        self._at += 1

    def _inline(self, path: Path) -> None:
        while self._text[self._blank()] != "}":
            if self._text[self._at] == ",":
                self._at += 1
                continue
            self._pair(path)
        self._at += 1

    def _scalar(self, start: int) -> int:
        for pattern in (_LONG_BASIC, _LONG_LITERAL, _BASIC, _LITERAL, _ATOM):
            match = pattern.match(self._text, start)
            if match:
                return match.end()
        raise ValueError(f"no value on line {self._now()}")

    def _blank(self) -> int:
        match = _BLANK.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._at

    def _note(self, path: Path) -> None:
        self.lines.setdefault(path, self._now())

    def _now(self) -> int:
        """Return the current line; counted from the last call."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line


def _unescape(match: "re.Match[str]") -> str:
    code = match[1]
    if code[0] in "uUx" and len(code) > 1:
        return chr(int(code[1:], 16))
    return _ESCAPED.get(code, code)
