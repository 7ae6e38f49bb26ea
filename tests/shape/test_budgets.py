"""The limits on the size of files and functions."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.syntax_trees import PACKAGE, ROOT, SOURCES, trees

FILE_LINES = 600
FUNCTION_LINES = 60
PARAMETERS = 6
EMPTY_MODULES = {"common", "data", "helpers", "info", "misc", "util", "utils"}
EMPTY_ENDINGS = ("Data", "Helper", "Info", "Manager", "Util", "Utils")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def nodes(path: Path) -> list[ast.AST]:
    """Return the module and its statements at any depth, without expressions."""
    found: list[ast.AST] = [trees()[path]]
    for node in found:  # it grows
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, name, [])
            found += inner if isinstance(inner, list) else []
    return found


def functions() -> Iterator[tuple[Path, Function]]:
    for path in SOURCES:
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path, node


def parameters(function: Function) -> int:
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return len([name for name in named if name.arg not in ("self", "cls")])


def test_every_name_says_what_it_is_for() -> None:
    """A name that fits everything attracts everything."""
    assert [name_of(path) for path in SOURCES if path.stem in EMPTY_MODULES] == []
    classes = [
        node.name for path in SOURCES for node in nodes(path) if isinstance(node, ast.ClassDef)
    ]
    assert [name for name in classes if name.endswith(EMPTY_ENDINGS) and name != "Data"] == []


def test_every_module_says_what_it_is_for() -> None:
    assert [
        name_of(path)
        for path in SOURCES
        for node in nodes(path)
        if isinstance(node, ast.Module) and not ast.get_docstring(node)
    ] == []


def test_the_sources_are_found() -> None:
    assert len(SOURCES) > 20


def test_no_file_outgrows_its_reader() -> None:
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in SOURCES}
    assert [item for item in lengths.items() if item[1] > FILE_LINES] == []


def test_no_function_outgrows_a_screen() -> None:
    assert [
        f"{name_of(path)}:{function.lineno} {function.name}"
        for path, function in functions()
        if function.end_lineno and function.end_lineno - function.lineno >= FUNCTION_LINES
    ] == []


def test_no_function_takes_a_form_to_fill_in() -> None:
    assert [
        f"{name_of(path)}:{function.lineno} {function.name}"
        for path, function in functions()
        if "cli" not in path.relative_to(PACKAGE).parts
        and parameters(function)
        > PARAMETERS + (path.name == "submit.py")  # for users, who name them
    ] == []


def test_no_module_imports_the_facade() -> None:
    """``gatepost/__init__`` is for users: a module that went through it would import them all."""
    assert [
        f"{name_of(path)}:{node.lineno}"
        for path in SOURCES
        for node in nodes(path)
        if isinstance(node, ast.stmt) and imports_the_facade(node)
    ] == []


def imports_the_facade(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import):
        return "gatepost" in [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level and node.module == "gatepost":
        return not all(is_module(alias.name) for alias in node.names)
    return False


def is_module(name: str) -> bool:
    return (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()
