"""Postfix's main.cf: ``#`` begins a comment only at a line's start, blanks continue a line."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from gatepost.doctor.settings_files.entry import DOLLAR, FileEntry, Section

_PARAMETER: Final = re.compile(r"([\w.]+)\s*=\s*(.*)", re.DOTALL)
_VARIABLE: Final = re.compile(r"\$(?:\{(\w+)\}|\((\w+)\)|(\w+))")
_STATIC: Final = re.compile(r"static:\{?\s*([^\s:}]+):(.*)", re.DOTALL)
_INLINE: Final = re.compile(r"inline:\{\s*(?:\{\s*)?[^=\s{][^=]*=\s*([^\s:}]+):(.*)\}", re.DOTALL)

_LONGEST: Final = 500
"""Characters of a value with variables that are read."""
_KEY: Final = re.compile(
    r"\[?(?P<host>[\w-]+(?:\.[\w-]+)+)\]?(?::(?:(?P<port>\d{1,5})|submissions?|smtps?))?|"
    r"[\w.+-]*@[\w-]+(?:\.[\w-]+)+"
)
"""A key of sasl_passwd, a next hop or a sender; anything else may be a secret."""


def read(text: str) -> list[Section]:
    """Return the parameters; the last one of each name counts. Tables are not read."""
    entries: dict[str, FileEntry] = {}
    for line, logical in _logical(text):
        match = _PARAMETER.fullmatch(logical)
        if match is not None:
            name, value = match[1], match[2].strip()
            if name == "smtp_sasl_password_maps":
                for entry in _maps(name, line, value):
                    entries[entry.path] = entry
            else:
                entries[name] = FileEntry(name, line, value)
    values = {name: each.value for name, each in entries.items()}
    expanded = [replace(each, value=_expanded(each.value, values)) for each in entries.values()]
    return [Section("", expanded)] if expanded else []


def read_table(text: str) -> list[Section]:
    """Return one section for each line of sasl_passwd: ``[HOST]:PORT USER:PASSWORD`` (postmap(1),
    SASL_README). The first colon ends the user name; no comments are possible after it."""
    sections = []
    for line, logical in _logical(text):
        where, _, login = logical.partition(" ") if "\t" not in logical else logical.partition("\t")
        name, colon, secret = login.strip(" \t").partition(":")
        key = _KEY.fullmatch(where) if login else None
        marks = frozenset({"quotes_kept"} if name[:1] in "'\"" and secret[-1:] in "'\"" else ())
        entries = [
            FileEntry("smtp.username", line, name, "text") if colon
            else FileEntry("smtp.username", line, form="elsewhere"),
            FileEntry("smtp.password", line, secret if colon else name, "text",
                  marks if colon else frozenset({"no_colon"})),
        ]  # fmt: skip
        if key is not None and key["host"]:
            entries.append(FileEntry("smtp.host", line, key["host"]))
            entries += [FileEntry("smtp.port", line, key["port"])] if key["port"] else []
        sections.append(Section(where if key else "", entries))
    return sections


def _logical(text: str) -> Iterator[tuple[int, str]]:
    held, first = "", 0
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = raw.removesuffix("\r")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line[0] in " \t" and held:
            held += f" {line.strip()}"
            continue
        if held:
            yield first, held
        held, first = line, number
    if held:
        yield first, held


def _maps(name: str, line: int, value: str) -> Iterator[FileEntry]:
    yield FileEntry(name, line, "static" if ":" not in value else value.partition(":")[0])
    value = value.strip()
    if match := _STATIC.fullmatch(value):
        password = match[2].removesuffix("}")
    elif match := _INLINE.fullmatch(value):
        password = match[2].rstrip("} \t\r\n")
    else:
        return
    marks = frozenset({"dollar"} if DOLLAR.search(password) else ())
    yield FileEntry("sasl username", line, match[1], "text")
    yield FileEntry("sasl password", line, password, "text", marks)


def _expanded(value: str, values: dict[str, str]) -> str:
    """Replace ``$name`` by parameters, as far as the file sets them."""

    def replaced(match: re.Match[str]) -> str:
        return values.get(match[1] or match[2] or match[3] or "", match[0])[:_LONGEST]

    for _ in range(3 if "$" in value else 0):
        value = _VARIABLE.sub(replaced, value[:_LONGEST])[:_LONGEST]
    return value
