"""The import contracts of pyproject.toml cover every package, including new ones."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "gatepost"
PURE = (
    "diagnosis", "dkim", "errors", "failures", "mime", "model", "policy", "queue", "routing",
    "sasl", "wire",
)  # fmt: skip
PURE_MODULES = (
    "mailbox.code_words", "mailbox.codes", "mailbox.contents", "mailbox.dates",
    "mailbox.mailpit_documents", "mailbox.entries", "mailbox.folding", "mailbox.html_text",
    "feedback.provider_events", "feedback.webhook_proofs",
    "mailbox.links", "mailbox.query", "mailbox.tags", "mailbox.waiting",
    "reports.hard_bounces", "reports.outcomes", "reports.report_contents",
    "reports.suppression", "rest.events.webhook_retry",
)  # fmt: skip


@pytest.fixture(scope="module")
def contracts() -> dict[str, dict[str, Any]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return {each["id"]: each for each in settings["tool"]["importlinter"]["contracts"]}


def exists(name: str) -> bool:
    path = PACKAGE.joinpath(*name.split("."))
    return (path / "__init__.py").is_file() or path.with_suffix(".py").is_file()


def test_every_pure_package_is_held_to_it(contracts: dict[str, dict[str, Any]]) -> None:
    listed = set(contracts["pure"]["source_modules"])
    assert listed == {f"gatepost.{name}" for name in (*PURE, *PURE_MODULES) if exists(name)}


@pytest.mark.parametrize("name", ["asyncio", "socket", "ssl", "os", "random", "threading"])
def test_pure_packages_import_no_io(contracts: dict[str, dict[str, Any]], name: str) -> None:
    assert name in contracts["pure"]["forbidden_modules"]
