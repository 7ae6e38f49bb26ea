"""The conformance page, made from the tests and dialogues (``make docs``)."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gatepost.testing import load_dialogue

HERE: Final = Path(__file__).parent
DIALOGUES: Final = HERE.parent / "dialogues"
PAGE: Final = HERE.parents[1] / "docs" / "reference" / "conformance.md"

_FILE: Final = re.compile(r"test_rfc(\d+)\.py")
_TEST: Final = re.compile(r"test_(\d+(?:_\d+)*)_(\D.*)")
_CLAUSE: Final = re.compile(r"RFC (\d+) ([\d.]+)")

HEAD: Final = """\
# Conformance

What the server promises, clause by clause, and the test that proves it. This page is
generated from the tests by `make docs`. What is not listed is not promised.

The dialogues are in `tests/dialogues`. Each is played against the server's session, with its
octets split in all ways, and to the running relay over TLS. Those marked *client* are played
against Gatepost's own client.
"""


@dataclass(frozen=True, slots=True)
class Clause:
    """A row of the page: a section, the requirement, and the test that proves it."""

    rfc: int
    section: str
    promise: str
    proof: str

    @property
    def order(self) -> tuple[int, list[int], bool, str]:
        """The sort key: by RFC, then by section as numbers, tests before dialogues."""
        numbers = [int(number) for number in self.section.split(".")]
        return self.rfc, numbers, self.proof.endswith("dialogue"), self.promise


def from_tests() -> Iterator[Clause]:
    """Yield a row for every test: the clause in its name, and its docstring.

    Raises ValueError for a test without one of them.
    """
    for path in sorted(HERE.glob("test_rfc*.py")):
        match = _FILE.fullmatch(path.name)
        for node in ast.parse(path.read_text("utf-8")).body:
            if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
                continue
            named, detail = _TEST.fullmatch(node.name), ast.get_docstring(node)
            if match is None or named is None or not detail:
                raise ValueError(f"{path.name}: {node.name} names no clause or promises nothing")
            section, promise = (
                named[1].replace("_", "."),
                " ".join(detail.split()).replace("``", "`"),
            )
            yield Clause(int(match[1]), section, promise, "test")


def from_dialogues() -> Iterator[Clause]:
    """Yield a row for every clause that a dialogue names."""
    for path in sorted(DIALOGUES.glob("*.smtp")):
        dialogue = load_dialogue(path)
        for clause in dialogue.clauses:
            match = _CLAUSE.fullmatch(clause)
            if match is None:
                raise ValueError(f"{path.name}: not a clause: {clause}")
            side = " (client)" if "client" in dialogue.roles else ""
            promise = " ".join(dialogue.about.splitlines())
            yield Clause(int(match[1]), match[2], promise, f"`{path.name}`{side}, dialogue")


def titles() -> dict[int, str]:
    """Return the subject of each RFC: the docstrings of the test files."""
    found = {}
    for path in HERE.glob("test_rfc*.py"):
        match, about = _FILE.fullmatch(path.name), ast.get_docstring(ast.parse(path.read_text()))
        if match is not None and about:
            found[int(match[1])] = about.rstrip(".")
    return found


def render() -> str:
    """Return the page."""
    names, parts = titles(), [HEAD]
    rows = sorted([*from_tests(), *from_dialogues()], key=lambda clause: clause.order)
    for rfc in sorted({row.rfc for row in rows}):
        parts.append(
            f"\n## RFC {rfc}: {names[rfc]}\n\n| Clause | What holds | Proof |\n|---|---|---|\n"
        )
        parts += [
            f"| {row.section} | {row.promise.replace('|', chr(92) + '|')} | "
            f"{row.proof.removesuffix(', dialogue')} |\n"
            for row in rows
            if row.rfc == rfc
        ]
    return "".join(parts)
