"""Kills of a relay in the place of ACS lose no mail and no event: ``bench.exit_crash``."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.compliance
@pytest.mark.parametrize("workers", [0, 2])
def test_kills_lose_no_mail_and_no_event(workers: int) -> None:
    command = [sys.executable, "-m", "bench.exit_crash", "--messages", "120", "--kills", "4"]
    done = subprocess.run(
        [*command, "--workers", str(workers), "--seed", "3"], cwd=ROOT, capture_output=True,
        text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "EVENTS WRONG 0" in done.stdout
