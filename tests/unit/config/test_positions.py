"""The line of every key: for every document, the scan finds the keys that tomllib finds."""

import json
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.config.positions import Path, find_positions

DOCUMENT = '''
# a comment with [brackets] and "quotes"
title = "a # b"  # here
dotted.key."with.dot" = 1

[server]
ports = [ 1,
  2, # two
  [3, 4],
]
text = """
[not.a.table]
x = 1 "" \\"""
"""
literal = \'\'\'
[[neither]]
\'\'\'
point = { x = 1, y = { z = "}" } }

[[route]]
name = 'one'
[route.match]
to = ["a"]
[[route]]
name = "t\\u0077o"
[[route.hop]]
a = 1
[[route.hop]]
a = 2
'''
LINES: list[tuple[Path, int]] = [
    (("title",), 3),
    (("dotted", "key", "with.dot"), 4),
    (("server",), 6),
    (("server", "ports", 0), 7),
    (("server", "ports", 1), 8),
    (("server", "ports", 2, 1), 9),
    (("server", "text"), 11),
    (("server", "literal"), 15),
    (("server", "point", "y", "z"), 18),
    (("route", 0), 20),
    (("route", 0, "name"), 21),
    (("route", 0, "match", "to", 0), 23),
    (("route", 1), 24),
    (("route", 1, "hop", 1, "a"), 29),
]


@pytest.mark.parametrize(("path", "line"), LINES)
def test_line_numbers_of_keys(path: Path, line: int) -> None:
    assert find_positions(DOCUMENT)[path] == line


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    items: Any = value.items() if isinstance(value, dict) else ()
    for key, inner in enumerate(value) if isinstance(value, list) else items:
        yield from paths(inner, (*path, key))


def test_it_finds_what_tomllib_finds() -> None:
    assert set(find_positions(DOCUMENT)) == set(paths(tomllib.loads(DOCUMENT)))


KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\x7f"), max_size=6)
SCALARS = st.sampled_from([
    "1", "-1.5e3", "true", "1979-05-27T07:32:00Z", "1979-05-27", '"a]b,c}#d"', "'x\\'", '""', "''",
    '"\\""', '"""a\n"b""c"""', "'''a\n'b''c\n'''", '"""\n\\""""""', "inf", "0xff", '"\\\\"',
])  # fmt: skip


@st.composite
def values(draw: st.DrawFn, depth: int = 2) -> str:
    if depth == 0 or draw(st.booleans()):
        return draw(SCALARS)
    if draw(st.booleans()):
        parts = draw(st.lists(values(depth=depth - 1), max_size=3))
        blank = draw(st.sampled_from(["", " ", "\n", " # ] comment\n  ", "\r\n\t"]))
        return "[" + blank + f"{blank},{blank}".join(parts) + blank + "]"
    names = draw(st.lists(KEYS, max_size=3, unique=True))
    inner = [
        f"{json.dumps(name, ensure_ascii=False)} = {draw(values(depth=depth - 1))}"
        for name in names
    ]
    return "{ " + ", ".join(inner) + " }"


@st.composite
def documents(draw: st.DrawFn) -> str:
    lines = []
    for _ in range(draw(st.integers(0, 8))):
        kind = draw(st.sampled_from(["pair", "pair", "table", "array", "comment", "blank"]))
        name = draw(
            st.lists(
                st.sampled_from(["a", "b-1", "'c.d'", '"e\\u0066"', "3"]), min_size=1, max_size=3
            )
        )
        key = draw(st.sampled_from([".", " . "])).join(name)
        if kind == "pair":
            lines.append(f"{key} = {draw(values())}")
        elif kind == "table":
            lines.append(f"[ {key} ] # {key} = 1")
        elif kind == "array":
            lines.append(f"[[{key}]]")
        else:
            lines.append("# [x] 'y" if kind == "comment" else "")
    return draw(st.sampled_from(["\n", "\r\n"])).join(lines)


@given(documents())
def test_every_key_has_a_line(document: str) -> None:
    try:
        parsed = tomllib.loads(document)
    except tomllib.TOMLDecodeError:
        return
    found = find_positions(document)
    assert set(found) == set(paths(parsed))
    last = document.count("\n") + 1
    assert all(1 <= line <= last for line in found.values())


@given(st.lists(KEYS, min_size=1, max_size=5, unique=True), SCALARS)
def test_each_key_is_on_its_line(names: list[str], value: str) -> None:
    lines = [f"{json.dumps(name, ensure_ascii=False)} = {value}\n" for name in names]
    found = find_positions("".join(lines))
    expected = 1
    for name, line in zip(names, lines, strict=True):
        assert found[(name,)] == expected
        expected += line.count("\n")
