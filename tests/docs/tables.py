"""Helpers for the generated pages: tables, and the docstrings of attributes."""

import ast
from collections.abc import Iterable, Iterator
from inspect import cleandoc, getsource
from itertools import pairwise
from textwrap import dedent
from typing import Any


def cell(text: object) -> str:
    """Return text that fits into the cell of a table."""
    return str(text).replace("|", "\\|").replace("\n", " ").strip()


def table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> Iterator[str]:
    """Yield the lines of a table."""
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(cell(each) for each in row)} |"


def attribute_docstrings(kind: type[Any]) -> dict[str, str]:
    """Return the docstring of each attribute of a class, from its source."""
    body = ast.parse(dedent(getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)
    return {
        str(field.target.id): cleandoc(str(below.value.value)).replace("``", "`")
        for field, below in pairwise(body.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
    }  # fmt: skip
