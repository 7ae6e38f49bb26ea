"""``gatepost bench crash``: killing workers, store and relay under load loses nothing."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.commands import GATEPOST


def crash(*arguments: str, patience: float) -> dict[str, Any]:
    command = [GATEPOST, "bench", "crash", "--json", *arguments]
    done = subprocess.run(command, capture_output=True, timeout=patience, check=False)
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["kept"] == (done.returncode == 0)
    assert document["kept"], {key: document[key] for key in BAD}
    return document


BAD = ("lost", "damaged", "unexplained", "crowded", "notified_twice", "faults")


@pytest.mark.compliance
def test_five_kills_lose_nothing(tmp_path: Path) -> None:
    home = str(tmp_path / "crash")
    found = crash("--messages", "200", "--kills", "5", "--directory", home, patience=150)
    assert found["acknowledged"] >= 200
    assert sum(found["kills"].values()) >= 5
    assert found["arrived"] + found["notified"] + found["queued"] == found["promised"]
    assert found["notified"]
    assert found["events"]["message_deferred"]


@pytest.mark.compliance
@pytest.mark.parametrize(("workers", "seed"), [(0, 1), (2, 2), (3, 3)])
def test_many_kills_lose_nothing(workers: int, seed: int) -> None:
    arguments = ("--messages", "1000", "--kills", "20", "--workers", str(workers))
    found = crash(*arguments, "--seed", str(seed), patience=600)
    assert found["acknowledged"] >= 1_000


@pytest.mark.compliance
@pytest.mark.parametrize("nodes", [1, 3])
def test_kills_of_relays_and_their_database_lose_nothing(nodes: int) -> None:
    arguments = ("--store", "postgres", "--nodes", str(nodes), "--workers", "1")
    found = crash(*arguments, "--messages", "300", "--kills", "12", "--seed", "1", patience=900)
    assert found["acknowledged"] >= 300
    assert any(name.startswith("database") for name in found["kills"])
