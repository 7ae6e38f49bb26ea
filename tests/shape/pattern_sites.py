"""Finds every regular expression of the sources, and how it is used.

Each call of `re` is a site. What it compiles is evaluated in the module's namespace, and a table of
patterns is read from the name that it is assigned to. What a function compiles out of its arguments
must be listed by who asks.
"""

import ast
import importlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[2] / "src" / "gatepost"

EVERYWHERE = {"sub", "subn", "split", "findall", "finditer"}
FUNCTIONS = {"compile", "match", "fullmatch", "search", *EVERYWHERE}
FLAGS_AT = {"sub": 4, "subn": 4, "split": 3, "compile": 1}
USES = re.compile(r"\bimport re\b|\bfrom re\b|\.(?:match|search|fullmatch|sub|find(?:iter|all))\(")
"""What a module without patterns has not."""
FORMS = frozenset({"match", "search", "finditer", "chain"})
"""How a pattern is used if nothing shows it; whatever full match does, match does."""

Made = Mapping[str, Callable[[], Iterable[str | re.Pattern[Any]]]]
"""For each function (`module.function`) that compiles its arguments: all that it gets."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Site:
    """A call of `re`: its patterns, and how they are used.

    `chain` is to match one piece after the other, up to one that does not match.
    """

    name: str
    function: str
    """The module and its function, of whose arguments the patterns may be made."""
    patterns: tuple[re.Pattern[Any], ...]
    forms: frozenset[str]


@dataclass(frozen=True, eq=False)
class _Module:
    path: Path
    tree: ast.Module
    parents: Mapping[ast.AST, ast.AST]

    @property
    def name(self) -> str:
        parts = self.path.relative_to(PACKAGE).with_suffix("").parts
        return ".".join(parts).removesuffix("__init__").removesuffix(".")

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield what is around a node, the innermost first."""
        while node in self.parents:
            node = self.parents[node]
            yield node


def sites(made: Made) -> Iterator[Site]:
    """Yield all sites; one of which no pattern is known has none."""
    for module in _modules():
        for node in ast.walk(module.tree):
            function = _function(node)
            if isinstance(node, ast.Call) and function is not None:
                around = [each for each in module.around(node) if isinstance(each, Function)]
                place = ".".join([module.name, *(each.name for each in around[-1:])])
                patterns = tuple(_patterns(module, node, function, made.get(place, tuple)))
                forms = _forms(module, node, function)
                yield Site(f"{module.name}:{node.lineno}", place, patterns, forms)


def hidden_imports() -> list[str]:
    """Return the modules that import names of `re`, whose calls would not be found."""
    return [
        module.name
        for module in _modules()
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.ImportFrom) and node.module == "re")
        or (isinstance(node, ast.Import) and any(n.name == "re" and n.asname for n in node.names))
    ]


@cache
def _modules() -> list[_Module]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        source = path.read_text()
        if not USES.search(source):
            continue
        tree = ast.parse(source, str(path))
        parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        found.append(_Module(path, tree, parents))
    return found


def _function(node: ast.AST) -> str | None:
    """Return the function of `re` that a node calls, if it does."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=name)) if name in FUNCTIONS:
            return name
    return None


def _patterns(
    module: _Module, call: ast.Call, function: str, made: Callable[[], Iterable[Any]]
) -> Iterator[re.Pattern[Any]]:
    around = list(module.around(call))
    functions = [each for each in around if isinstance(each, Function)]
    namespace = vars(importlib.import_module(f"gatepost.{module.name}".removesuffix(".")))
    inner = {name for each in functions for name in _names_of(each)}
    inner |= {name for each in around if hasattr(each, "generators") for name in _bound(each)}
    flags = [each.value for each in call.keywords if each.arg == "flags"]
    flags += call.args[FLAGS_AT.get(function, 2) :][:1]
    is_known = bool(flags) and not inner & _read(flags[0])
    options = _value(flags[0], namespace) if is_known else 0
    if not inner & _read(call.args[0]):
        yield re.compile(_value(call.args[0], namespace), options)
    elif functions:
        for each in made():
            yield each if isinstance(each, re.Pattern) else re.compile(each, options)
    else:
        statement = next(each for each in around if isinstance(each, ast.stmt))
        yield from _compiled_in(namespace.get(_target(statement)))


def _value(expression: ast.expr, namespace: dict[str, Any]) -> Any:
    return eval(compile(ast.Expression(expression), "<site>", "eval"), dict(namespace))


def _names_of(function: Function) -> set[str]:
    """Return the names of a function's arguments and variables."""
    nodes = list(ast.walk(function))
    return {each.arg for each in nodes if isinstance(each, ast.arg)} | _bound(function)


def _bound(node: ast.AST) -> set[str]:
    names = [each for each in ast.walk(node) if isinstance(each, ast.Name)]
    return {each.id for each in names if isinstance(each.ctx, ast.Store)}


def _read(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _target(statement: ast.AST) -> str:
    """Return the name to which a statement assigns, empty for none."""
    match statement:
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
            return name
    return ""


def _compiled_in(value: object) -> Iterator[re.Pattern[Any]]:
    """Yield the patterns in a table."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        yield from _compiled_in([*value, *value.values()])
    elif isinstance(value, tuple | list | set | frozenset):
        for each in value:
            yield from _compiled_in(each)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from _compiled_in(getattr(value, name))


def _forms(module: _Module, call: ast.Call, function: str) -> frozenset[str]:
    """Return how a pattern is used: directly, by its name, or out of a table of the module."""
    if function != "compile":
        return frozenset({_form(function)})
    parent = module.parents[call]
    name = _target(parent)
    if isinstance(parent, ast.Return):  # whoever calls this function uses it
        name = next(each.name for each in module.around(call) if isinstance(each, Function))
    if name:
        forms = _forms_by_name().get((_scope(module, name), name))
    else:
        statement = next(each for each in module.around(call) if isinstance(each, ast.stmt))
        forms = _forms_in_loops(module, _target(statement)) or _forms_of_tables(module)
    return FORMS if not forms or "" in forms else frozenset(forms)


def _forms_in_loops(module: _Module, table: str) -> set[str]:
    """Return the forms in which a module uses the patterns of a table that it goes through."""
    found = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.For | ast.comprehension) and table in _read(node.iter):
            scope = node if isinstance(node, ast.For) else module.parents[node]
            for each in ast.walk(scope):
                if isinstance(each, ast.Name) and each.id in _bound(node.target):
                    found.add(_form_of_use(module, each))
    return found & {*FORMS, "fullmatch"}


def _form(function: str) -> str:
    return "finditer" if function in EVERYWHERE else function


def _scope(module: _Module, name: str) -> str:
    """Return the module of a private name; a public one belongs to all."""
    return module.name if name.startswith("_") else ""


@cache
def _forms_by_name() -> dict[tuple[str, str], set[str]]:
    """Return the forms in which each name is used; "" among them if it is used in another way."""
    found: dict[tuple[str, str], set[str]] = {}
    for module in _modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                name = node.id if isinstance(node, ast.Name) else node.attr
                forms = found.setdefault((_scope(module, name), name), set())
                if isinstance(module.parents[node], ast.Tuple | ast.List | ast.Dict):
                    forms |= _forms_of_tables(module) or {""}
                elif not isinstance(module.parents[node], ast.Compare):
                    forms.add(_form_of_use(module, node))
                forms.discard("pattern")  # it is a part of another one, which is a site
    return found


@cache
def _forms_of_tables(module: _Module) -> set[str]:
    """Return the forms in which a module uses patterns that have no name of their own."""
    named = {"re", *map(_target, module.tree.body)}
    for each in module.tree.body:
        if isinstance(each, ast.ImportFrom):
            named |= {name.name for name in each.names}
    found = set()
    for node in ast.walk(module.tree):
        match node:
            case ast.Call(func=ast.Attribute(value=base, attr=method)) if (
                method in FUNCTIONS - {"compile", "split"}  # texts are split, too
                and not (isinstance(base, ast.Name) and base.id in named)
            ):
                found.add(_form_of_use(module, base))
    return found


def _form_of_use(module: _Module, node: ast.AST) -> str:
    """Return the form in which an expression is used, if it is a pattern.

    It is empty if it is used in another way, and "pattern" if it is no pattern, or a part of one.
    """
    method = module.parents[node]
    if isinstance(method, ast.Call) and method.func is node:
        method = module.parents[method]
    if not isinstance(method, ast.Attribute):
        return ""
    call = module.parents[method]
    if method.attr not in FUNCTIONS:
        return "pattern"
    if not isinstance(call, ast.Call) or call.func is not method:
        return ""
    if method.attr == "match" and len(call.args) > 1:
        return "chain"
    return _form(method.attr)
