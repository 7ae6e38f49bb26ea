"""The part of YAML that configuration files use: nested maps, lists, scalars, comments.

Not a YAML parser: no anchors, no complex keys, flow collections on one line only. What it cannot
read it ignores. It notices what YAML does to a plain scalar: cuts it, or takes it for a number.
"""

import base64
import binascii
import re
from dataclasses import dataclass, replace
from typing import Final

from gatepost.doctor.lint.entry import DOLLAR, Entry, Form, Section, is_reference

_KEY: Final = re.compile(
    r"(?P<q>['\"]?)(?P<key>[^'\"#{}\[\],&*!|>%@`][^'\"]*?)(?P=q)(?<!\s)\s*:(?:\s+(?P<rest>(?s:.*))|\s*$)"
)
_DOUBLE: Final = re.compile(r'"((?:\\.|[^"\\])*)"\s*(.*)', re.DOTALL)
_SINGLE: Final = re.compile(r"'((?:''|[^'])*)'\s*(.*)", re.DOTALL)
_NUMBER: Final = re.compile(
    r"[-+]?(?:0[0-7]+|0o[0-7]+|0x[0-9a-fA-F]+|\d[\d_]*\.\d*(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+|"
    r"\d+_[\d_]*|\d+(?::[0-5]?\d)+)"
)
"""Numbers whose value differs from their text."""
_ANCHORS: Final = re.compile(r"(?<=[:\s-]\s)&([\w-]+)(?=\s|$)")
_ANCHOR: Final = re.compile(r"^&[\w-]+\s+(?=\S)")
"""An anchor, which ``*name`` references elsewhere."""
_MARK: Final = re.compile(r"[&!][\w./-]+")
"""A tag or an anchor with nothing after it."""
_TRUE: Final = frozenset({"true", "yes", "on"})
_FALSE: Final = frozenset({"false", "no", "off"})
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", '"': '"', "\\": "\\", "/": "/"}
MAX_DEPTH: Final = 40


@dataclass(slots=True)
class _Level:
    indent: int
    key: str


def read(text: str) -> list[Section]:
    """Return every scalar of the file under its path; list items share their list's path."""
    section, anchors = Section(), frozenset(_ANCHORS.findall(text))
    for document in _documents(text):
        entries = _document(document, anchors)
        secret = any(each.path == "kind" and each.value == "Secret" for each in entries)
        section.entries += [_decoded(each) if secret else each for each in entries]
    return [section]


def _documents(text: str) -> list[list[tuple[int, str]]]:
    documents: list[list[tuple[int, str]]] = [[]]
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if line.startswith("---"):
            documents.append([])
        else:
            documents[-1].append((number, line.removesuffix("\r")))
    return documents


def _document(lines: list[tuple[int, str]], anchors: frozenset[str]) -> list[Entry]:
    levels: list[_Level] = []
    entries: list[Entry] = []
    at = 0
    while at < len(lines):
        number, line = lines[at]
        at += 1
        body = line.lstrip(" ")
        if not body or body[0] == "#" or body[0] == "\t":
            continue
        indent = len(line) - len(body)
        indent, body = _within_items(levels, indent, body)
        match = _KEY.fullmatch(body)
        if match is None:
            if body:
                entries += _item(_path(levels), number, body)
            continue
        path = _path(levels, match["key"].strip())
        rest = _ANCHOR.sub("", (match["rest"] or "").strip(" \t"))
        if re.match(r"[|>][-+\d]*\s*(?:#.*)?$", rest):
            value, at = _block(lines, at, indent, rest)
            entries.append(Entry(path, number, value, "text"))
        elif _MARK.fullmatch(rest) and not _goes_deeper(lines, at, indent):
            entries.append(Entry(path, number, rest, marks=frozenset({"special_start"})))
        elif not rest or rest[0] == "#" or _MARK.fullmatch(rest):
            if len(levels) < MAX_DEPTH:
                levels.append(_Level(indent, match["key"].strip()))
        elif rest[0] == "{":
            entries += _flow(path, number, rest)
        elif rest[0] == "*" and rest[1:] in anchors:
            entries.append(Entry(path, number, "", "elsewhere"))
        else:
            entries.append(scalar(path, number, rest))
    return entries


def _goes_deeper(lines: list[tuple[int, str]], at: int, indent: int) -> bool:
    """Tell whether what follows belongs to this key, for example after a tag or an anchor."""
    following = next((line for _, line in lines[at:] if line.strip()), "")
    return len(following) - len(following.lstrip(" ")) > indent


def _within_items(levels: list[_Level], indent: int, body: str) -> tuple[int, str]:
    """Step into list items, and out of the levels that have ended; return the rest."""
    while body.startswith("- ") or body == "-":
        rest = body[1:].lstrip(" ")
        while levels and levels[-1].indent > indent:
            levels.pop()
        indent += len(body) - len(rest)
        body = rest
    while levels and levels[-1].indent >= indent:
        levels.pop()
    return indent, body


def _path(levels: list[_Level], *key: str) -> str:
    return ".".join((*(each.key for each in levels), *key))


def _item(path: str, number: int, body: str) -> list[Entry]:
    """A list's item: in Compose an environment variable."""
    plain = scalar(path, number, body)
    name, equals, value = plain.value.partition("=")
    if equals and re.fullmatch(r"[A-Za-z_][\w.]*", name):
        form: Form = "elsewhere" if is_reference(value) else "bare"
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            plain = plain.marked("quotes_kept")
        return [replace(plain, path=f"{path}.{name}", value=value, form=form)]
    return [plain]


def _block(lines: list[tuple[int, str]], at: int, indent: int, head: str) -> tuple[str, int]:
    """Return a block scalar and the line after it; ``|`` and ``>`` end it with a line end."""
    kept = []
    while at < len(lines):
        line = lines[at][1]
        if line.strip() and len(line) - len(line.lstrip(" ")) <= indent:
            break
        kept.append(line.strip())
        at += 1
    while kept and not kept[-1]:
        kept.pop()
    joined = ("\n" if head[0] == "|" else " ").join(kept)
    return (joined if "-" in head or not joined else f"{joined}\n"), at


def _flow(path: str, number: int, text: str) -> list[Entry]:
    inner = text.partition("{")[2].rpartition("}")[0]
    pairs = re.findall(
        r"""(['"]?)([\w.-]{1,200}+)\1\s*:\s*("(?:\\.|[^"\\])*"|'(?:''|[^'])*'|[^,{}]*)""", inner
    )
    return [scalar(f"{path}.{key}", number, value.strip()) for _, key, value in pairs]


def scalar(path: str, line: int, text: str) -> Entry:
    """Return the entry of a scalar as YAML reads it."""
    if text[:1] == '"' and (match := _DOUBLE.fullmatch(text)):
        value = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[0]), match[1])
        marks = {"backslash"} if re.search(r"\\[^\"\\/]", match[1]) else set()
        return _judged(path, line, value, "text", marks)
    if text[:1] == "'" and (match := _SINGLE.fullmatch(text)):
        return _judged(path, line, match[1].replace("''", "'"), "text", set())
    if text[:1] in "'\"":
        return Entry(path, line, text, marks=frozenset({"quote_open"}))
    if text.startswith("!"):
        return Entry(path, line, "", "elsewhere")
    marks = set()
    comment = re.search(r"\s#", text)
    if comment:
        if not text[comment.end() :].startswith(" "):
            marks.add("hash")
        text = text[: comment.start()].rstrip()
    if text[:1] in "&*%@`|>[{":
        marks.add("special_start")
    low = text.lower()
    if low in _TRUE or low in _FALSE:
        return Entry(path, line, text, "true" if low in _TRUE else "false")
    if low in ("null", "~", ""):
        return Entry(path, line, "", "null")
    if _NUMBER.fullmatch(text):
        marks.add("number")
    if re.search(r":(?:\s|$)", text):
        marks.add("colon")
    return _judged(path, line, text, "bare", marks)


def _judged(path: str, line: int, value: str, form: Form, marks: set[str]) -> Entry:
    if is_reference(value):
        return Entry(path, line, value, "elsewhere", frozenset(marks - {"special_start"}))
    in_compose = re.search(r"(?:^|\.)environment(?:\.|$)", path) is not None
    if in_compose and DOLLAR.search(value.replace("$$", "")):
        marks.add("dollar")
    elif in_compose:
        value = value.replace("$$", "$")
    elif re.search(r"\$\{[^}]{1,200}\}", value):
        marks.add("dollar")
    return Entry(path, line, value, form, frozenset(marks))


def _decoded(entry: Entry) -> Entry:
    """Return a decoded value of a Kubernetes Secret's ``data``; the line end that ``echo`` adds is
    visible only after decoding."""
    if not entry.path.startswith("data."):
        return entry
    try:
        value = base64.b64decode(entry.value, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return entry.marked("not_base64")
    return replace(entry, value=value, form="text", marks=frozenset())
