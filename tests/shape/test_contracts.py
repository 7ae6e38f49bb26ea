"""The import contracts of pyproject.toml hold for every package, the newest included."""

import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import grimp
import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "gatepost"
PURE = ("diagnosis", "errors", "mime", "model", "policy", "queue", "routing", "sasl", "wire")
SESSION = "gatepost.wire.server.session"
FOR_ITS_TYPE = {
    ("gatepost.wire.server.commands", SESSION),
    ("gatepost.wire.server.variants", SESSION),
}
"""Who is handed a Session, and is in the table that a Session looks into."""


@pytest.fixture(scope="module")
def contracts() -> dict[str, dict[str, Any]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return {each["id"]: each for each in settings["tool"]["importlinter"]["contracts"]}


def exists(name: str) -> bool:
    return (PACKAGE / name / "__init__.py").is_file() or (PACKAGE / f"{name}.py").is_file()


def test_every_pure_package_is_held_to_it(contracts: dict[str, dict[str, Any]]) -> None:
    listed = set(contracts["pure"]["source_modules"])
    assert listed == {f"gatepost.{name}" for name in PURE if exists(name)}


@pytest.mark.parametrize("name", ["asyncio", "socket", "ssl", "os", "random", "threading"])
def test_what_is_pure_imports_no_io(contracts: dict[str, dict[str, Any]], name: str) -> None:
    assert name in contracts["pure"]["forbidden_modules"]


def test_no_modules_import_one_another() -> None:
    """Of two modules in a circle neither is understood, tested or replaced without the other."""
    graph = grimp.build_graph("gatepost", cache_dir=None)
    imports = {
        name: {
            each
            for each in graph.find_modules_directly_imported_by(name)
            if (name, each) not in FOR_ITS_TYPE
        }
        for name in graph.modules
    }
    assert len(imports) > 100
    circle: list[str] = []
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        circle = error.args[1]
    assert circle == []
