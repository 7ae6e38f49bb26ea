"""Python settings (Django, Flask): parsed, never executed. Computed values are unknown."""

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from gatepost.doctor.settings_files.entry import FileEntry, Section
from gatepost.doctor.settings_files.urls import is_dsn

_CASTS: Final = frozenset({"cast", "type"})
_SETTING: Final = re.compile(r"[A-Z][A-Z0-9_]+")
"""The spelling of settings, also as keywords of a call: FastAPI-Mail, Flask."""
_READS: Final = frozenset({"read", "readline", "read_text"})
MAX_CONDITIONS: Final = 100
MAX_VARIANTS: Final = 8
"""Maximum combinations of branches that are read of one file."""

Names = dict[str, FileEntry]


def read(text: str) -> list[Section]:
    """Return the assignments of the module, one section for each combination of branches."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an escape that the file spells badly
            tree = ast.parse(text.removeprefix("\ufeff"))
        variants = _block(tree.body, [{}], _conditions(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return [Section("", list(names.values())) for names in variants]


def _conditions(tree: ast.Module) -> frozenset[ast.If]:
    """Return the conditions whose branches are followed: all others are taken."""
    branches = (each for each in ast.walk(tree) if isinstance(each, ast.If))
    return frozenset(islice(branches, MAX_CONDITIONS))


def _block(
    body: Sequence[ast.stmt], variants: list[Names], followed: frozenset[ast.If]
) -> list[Names]:
    for statement in body:
        if isinstance(statement, ast.If) and statement in followed:
            taken = _block(statement.body, [dict(each) for each in variants], followed)
            other = _block(statement.orelse, [dict(each) for each in variants], followed)
            both = [*taken, *(each for each in other if each not in taken)]
            variants = both[:MAX_VARIANTS]
        elif isinstance(statement, ast.If | ast.Try | ast.With | ast.ClassDef):
            variants = _block(statement.body, variants, followed)
        else:
            for entry in _assigned(statement):
                for names in variants:
                    names[entry.path] = entry
    return variants


def _assigned(statement: ast.stmt) -> Iterator[FileEntry]:
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets: Sequence[ast.expr] = (statement.target,)
        value = statement.value
    elif isinstance(statement, ast.Assign):
        targets, value = statement.targets, statement.value
    elif isinstance(statement, ast.Expr | ast.Return) and statement.value is not None:
        targets, value = (), statement.value
    else:
        return
    if isinstance(value, ast.Call):
        for each in value.keywords:
            if each.arg is not None and _SETTING.fullmatch(each.arg):
                yield from _values(each.arg, each.value)
    for target in targets:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for one, its in zip(target.elts, value.elts, strict=False):
                yield from _values(_name(one), its)
        else:
            yield from _values(_name(target), value)


def _name(target: ast.expr) -> str:
    if isinstance(target, ast.Name):
        return target.id
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        return str(target.slice.value)  # app.config["MAIL_SERVER"]
    return ""


def _values(name: str, value: ast.expr) -> Iterator[FileEntry]:
    if not name:
        return
    if isinstance(value, ast.Dict):
        for key, each in zip(value.keys, value.values, strict=True):
            if isinstance(key, ast.Constant):
                yield from _values(f"{name}.{key.value!s}", each)
        return
    if isinstance(value, ast.Tuple) and len(value.elts) == 1:
        for entry in _values(name, value.elts[0]):
            yield entry.marked("tuple")
        return
    yield _entry(name, value)


def _entry(name: str, value: ast.expr) -> FileEntry:
    line = value.lineno
    constant = _constant(value)
    is_none = isinstance(value, ast.Constant) and value.value is None
    if constant is None and not is_none:
        if (url := _default_url(value)) is not None:
            return FileEntry(name, line, url, "text")
        odd = {"untyped": _is_variable(value), "unstripped": _is_file(value)}
        marks = frozenset(mark for mark, is_so in odd.items() if is_so)
        return FileEntry(name, line, "", "elsewhere", marks)
    if constant is None:
        return FileEntry(name, line, "", "null")
    if isinstance(constant, bool):
        return FileEntry(name, line, str(constant), "true" if constant else "false")
    if isinstance(constant, bytes):
        return FileEntry(name, line, constant.decode("latin-1"), "text")
    return FileEntry(name, line, str(constant), "text" if isinstance(constant, str) else "bare")


def _constant(value: ast.expr) -> str | bytes | int | float | bool | None:
    """Return a literal value, including concatenated strings; None for anything else."""
    if isinstance(value, ast.Constant):
        return value.value if isinstance(value.value, str | bytes | int | float) else None
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        left, right = _constant(value.left), _constant(value.right)
        if isinstance(left, str) and isinstance(right, str):
            return left + right
    return None


def _is_variable(value: ast.expr) -> bool:
    """Tell whether this is the text of an environment variable, without conversion."""
    if isinstance(value, ast.BoolOp):
        return any(_is_variable(each) for each in value.values)
    if isinstance(value, ast.Subscript):
        return "environ" in ast.dump(value.value)
    if not isinstance(value, ast.Call) or any(each.arg in _CASTS for each in value.keywords):
        return False
    called = value.func
    if isinstance(called, ast.Name) and called.id in ("bool", "str") and len(value.args) == 1:
        return _is_variable(value.args[0])
    if isinstance(called, ast.Attribute):
        holder = ast.dump(called.value)
        return called.attr == "getenv" or (called.attr == "get" and "environ" in holder)
    return isinstance(called, ast.Name) and called.id == "getenv"


def _default_url(value: ast.expr) -> str | None:
    """Return the mail server's URL that is the default of a variable: ``env.email_url(N, URL)``."""
    if not isinstance(value, ast.Call):
        return None
    defaults = [*value.args[1:], *(each.value for each in value.keywords if each.arg == "default")]
    texts = (each for each in map(_constant, defaults) if isinstance(each, str))
    return next(filter(is_dsn, texts), None)


def _is_file(value: ast.expr) -> bool:
    """Tell whether this is the unchanged text of a file."""
    called = value.func if isinstance(value, ast.Call) else None
    return isinstance(called, ast.Attribute) and called.attr in _READS
