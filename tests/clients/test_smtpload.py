"""The benchmark's load generator in each of its modes, so that it works when it is wanted."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gatepost.testing import Emulator
from tests.running import RECIPIENT

pytestmark = pytest.mark.compliance

ROOT = Path(__file__).parents[2]
SMTPLOAD = ROOT / "bench" / "smtpload" / "smtpload"


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    subprocess.run(["make", "--silent", SMTPLOAD.relative_to(ROOT)], cwd=ROOT, check=True)


def load(relay: Emulator, *options: str) -> dict[str, Any]:
    port = relay.smtps.port if "-W" in options else relay.smtp.port
    run = subprocess.run(
        [
            *(SMTPLOAD, "-p", str(port), "-u", relay.username, "-f", relay.sender),
            *("-t", RECIPIENT, "-A", "login", "-s", "4", "-m", "20", *options),
        ],
        env=os.environ | {"SMTPLOAD_PASSWORD": relay.password},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    result: dict[str, Any] = json.loads(run.stdout)
    return result


@pytest.mark.parametrize(
    ("options", "connections"),
    [
        ("-T", 20),
        ("-W", 20),
        ("-T -n 5", 4),
        ("-T -n 5 -P", 4),
        ("-T -Q", 20),
        ("-T -R -n 2", 10),
        ("-T -l 200000", 20),
    ],
)
def test_every_message_arrives(relay: Emulator, options: str, connections: int) -> None:
    before = relay.count()
    result = load(relay, *options.split())
    assert result["failed"] == 0
    assert result["messages"] == 20
    assert result["connections"] >= connections
    assert result["handshakes"] >= connections
    assert relay.count() == before + 20


def test_idle_connections_are_held(relay: Emulator) -> None:
    result = load(relay, "-T", "-H", "1", "-i", "2")
    assert result["ready"] == 4
    assert result["messages"] == 0
