"""The words of src: which names say too little, and which say two things."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from tests.shape.test_budgets import nodes
from tests.syntax_trees import PACKAGE, ROOT, SOURCES

GLOSSARY: Final = ROOT / "docs" / "reference" / "glossary.md"

# fmt: off
QUESTIONS: Final = frozenset({
    "is", "are", "was", "were", "has", "have", "had", "does", "did",
    "can", "could", "should", "may", "must", "needs",
    "accepts", "allows", "contains", "matches", "offers", "supports", "wants",
})
# fmt: on
"""How a function that answers with a bool begins: ``is_empty``, ``offers_starttls``."""
ATTEMPT: Final = "try"
"""Or so, if it acts and says whether it did: ``try_enter``."""
OVERRIDES: Final = frozenset({"eof_received", "filter"})
"""Names that asyncio and logging gave to functions with a bool."""
CONTRACTS: Final[Mapping[tuple[str, str], str]] = {
    ("client", "Connection"): "the library's",
    ("client", "Options"): "the library's",
    ("config", "flag"): "reads a value, as its siblings text, path and port",
    ("directory", "Application"): "Entra's word",
    ("doctor", "Finding"): "a type in the schema of the doctor's JSON",
    ("doctor", "Remedy"): "a type in the schema of the doctor's JSON",
    ("doctor", "Report"): "a type in the schema of the doctor's JSON",
    ("model", "Finding"): "what the doctor's JSON has as Finding",
    ("model", "Remedy"): "what the doctor's JSON has as Remedy",
    ("model", "shown"): "a key of saved evidence",
    ("model", "told"): "a key of saved evidence",
    ("testing", "Application"): "of gatepost.testing",
}
"""By package and name, why a name stays."""
NAMES_THAT_SAY_NOTHING: Final = frozenset(
    {"told", "said", "found", "kept", "known", "shown", "asked", "given", "heard", "gone"}
)
NOT_PARTICIPLES: Final = frozenset(
    {"embed", "feed", "need", "proceed", "seed", "spread", "succeed"}
)


@dataclass(frozen=True, slots=True)
class Name:
    """A name that is defined in src."""

    text: str
    package: str
    node: ast.AST

    @property
    def words(self) -> list[str]:
        return self.text.strip("_").lower().split("_")


@cache
def defined_names() -> tuple[Name, ...]:
    """Return all functions, classes, attributes and parameters, private ones included."""
    return tuple(
        Name(text, package, definition)
        for path in SOURCES
        for package in [path.relative_to(PACKAGE).parts[0].removesuffix(".py")]
        for node in nodes(path)
        for text, definition in _definitions(node)
    )


def _definitions(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.ClassDef():
            yield node.name, node
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield node.name, node
            yield from (
                (part.arg, part) for part in ast.walk(node.args) if isinstance(part, ast.arg)
            )
        case ast.AnnAssign():
            yield from ((text, node) for text in _targets(node.target))
        case ast.Assign():
            for target in node.targets:
                if not isinstance(target, ast.Name):  # a local one, mostly
                    yield from ((text, node) for text in _targets(target))


def _targets(target: ast.expr) -> Iterator[str]:
    for part in ast.walk(target):
        if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store):
            yield part.attr
        elif part is target and isinstance(part, ast.Name):
            yield part.id


def returns(name: Name, what: str) -> bool:
    node = name.node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.returns is None:
        return False
    result = ast.unparse(node.returns) if isinstance(node.returns, ast.Name | ast.Constant) else ""
    return result == what and not name.text.startswith("__")


def unclear_questions() -> set[tuple[str, str]]:
    """Return (package, name) of functions with a bool that do not begin as a question."""
    return {
        (name.package, name.text)
        for name in defined_names()
        if returns(name, "bool")
        and name.words[0] not in QUESTIONS | {ATTEMPT}
        and name.text not in OVERRIDES
    }


def unclear_actions() -> set[tuple[str, str]]:
    """Return (package, name) of functions without a result whose name is no verb."""
    return {
        (name.package, name.text)
        for name in defined_names()
        if returns(name, "None")
        and (name.words[0] in QUESTIONS or (len(name.words) == 1 and _is_participle(name.words[0])))
    }


def _is_participle(word: str) -> bool:
    return word.endswith("ed") and word not in NOT_PARTICIPLES


def empty_names() -> set[tuple[str, str]]:
    """Return (package, name) of what has a name that would fit everything."""
    return {
        (name.package, name.text)
        for name in defined_names()
        if name.text.strip("_").lower() in NAMES_THAT_SAY_NOTHING
    }


def classes_with_one_name() -> set[tuple[str, str]]:
    """Return (package, name) of public classes whose name another class has, too."""
    by_name: defaultdict[str, list[str]] = defaultdict(list)
    for name in defined_names():
        if isinstance(name.node, ast.ClassDef) and not name.text.startswith("_"):
            by_name[name.text].append(name.package)
    return {
        (package, name)
        for name, packages in by_name.items()
        if len(packages) > 1
        for package in packages
    }


def glossary() -> list[list[str]]:
    """Return the rows of the glossary: the term, what it means, and the words it replaces."""
    rows = re.findall(r"^\| (.+) \|$", GLOSSARY.read_text(), re.MULTILINE)
    cells = [[cell.strip() for cell in row.split("|")] for row in rows]
    return [row for row in cells if row[0] not in ("term", "---")]


def replaced_words() -> set[tuple[str, str]]:
    """Return (package, name) of what has a word that the glossary replaces.

    These are the words that its last column has as code; others there have other meanings, too.
    """
    replaced = {word for row in glossary() for word in re.findall(r"`(\w+)`", row[2])}
    return {
        (name.package, name.text)
        for name in defined_names()
        if replaced & set(_in_snake_case(name.text).split("_"))
    }


def _in_snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


FAULTS: Final = {
    "questions": unclear_questions,
    "actions": unclear_actions,
    "empty": empty_names,
    "classes": classes_with_one_name,
    "replaced": replaced_words,
}
