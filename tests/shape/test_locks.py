"""Locked requirements have hashes, and name no registry."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = [
    *sorted((ROOT / "requirements").glob("*.txt")),
    ROOT / "tests/clients/node/package-lock.json",
]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_names_no_registry(lock: Path) -> None:
    # A package may say whom to thank: that is no place to fetch from.
    thanks = r'"funding": (?:\{.*?\}|\[.*?\])'
    text = re.sub(thanks, "", lock.read_text(), flags=re.DOTALL)
    assert (
        re.findall(r"https?://\S+|\bregistry\b|--(?:extra-)?index-url.*|--find-links.*", text) == []
    )


@pytest.mark.parametrize("lock", LOCKS[:-1], ids=lambda path: path.name)
def test_every_python_requirement_is_hashed(lock: Path) -> None:
    text = lock.read_text().replace("\\\n", " ")
    requirements = [line for line in text.splitlines() if re.match(r"[a-z]", line)]
    assert requirements
    assert [line for line in requirements if "==" not in line or "--hash=sha256:" not in line] == []


def test_every_npm_package_is_hashed() -> None:
    packages = json.loads(LOCKS[-1].read_text())["packages"]
    del packages[""]
    assert packages
    assert [name for name, package in packages.items() if "integrity" not in package] == []


def test_the_development_lock_agrees_with_the_runtime_lock() -> None:
    runtime, dev = (pinned(ROOT / "requirements" / f"{name}.txt") for name in ("runtime", "dev"))
    assert runtime.items() <= dev.items()


def pinned(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z][\w.-]*)==(\S+)", lock.read_text(), re.MULTILINE))
