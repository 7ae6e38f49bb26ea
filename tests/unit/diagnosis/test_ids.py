"""Every id that a rule can emit has its page, and every page an id that a rule can emit."""

import ast
from collections.abc import Iterator
from pathlib import Path

from gatepost.diagnosis.causes import CAUSES
from gatepost.diagnosis.entra.codes import CODES
from gatepost.diagnosis.known_refusals import REFUSALS
from gatepost.diagnosis.ranking.model import load_model
from gatepost.diagnosis.signs import SIGNS
from gatepost.doctor.explain import pages
from tests.docs.pages import FINDINGS, ROOT

SOURCES = [
    path
    for package in ("diagnosis", "doctor")
    for path in (ROOT / "src" / "gatepost" / package).rglob("*.py")
    if path.parent.name != "causes"
]
MAKERS = {"conclude", "_finding", "Fault", "Refusal", "Sign"}
"""What is called with an id first."""


def made(path: Path) -> Iterator[tuple[str, str]]:
    """The calls of a file that begin with a text: who is called, and the text."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and node.args:
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            for argument in node.args[:2]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield name, argument.value


def test_every_finding_id_has_a_page() -> None:
    wrong = {
        (path.name, text)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in MAKERS
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(text := node.args[0].value, str)
        and text not in pages()
    }
    assert wrong == set()


def test_the_tables_have_pages() -> None:
    named = {row.id for row in REFUSALS} | {sign.id for sign in SIGNS}
    named |= {code.finding for code in CODES.values() if code.finding}
    assert named <= set(CAUSES)


def test_each_page_is_of_something_that_is_emitted() -> None:
    emitted = {text for path in SOURCES for _, text in made(path)} | set(load_model().bias)
    assert set(pages()) - emitted == set()


def test_the_pages_of_the_package_are_those_of_the_docs() -> None:
    assert set(pages()) == {path.stem for path in FINDINGS.glob("*.md")} - {"README"}
    assert set(pages()) == set(CAUSES)


def test_a_setting_in_the_fix_of_a_relay_is_written_as_in_the_reference() -> None:
    fixes = {cause.id: cause.relay_fix for cause in CAUSES.values() if "tls = " in cause.relay_fix}
    assert set(fixes) >= {"starttls_not_offered", "starttls_required"}
    assert [each for each, fix in fixes.items() if "tls = '" in fix] == []
