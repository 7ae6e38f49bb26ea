"""The benchmark's load generator in each of its modes."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.load import Load, LoadFailed
from bench.load import run as run_load
from bench.rest import WEB, get_token
from bench.servers import server_of
from gatepost.testing import Emulator
from tests.commands import RECIPIENT

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


MECHANISMS = {"login": "LOGIN", "plain": "PLAIN", "scram-sha-256": "SCRAM-SHA-256"}


@pytest.fixture(scope="module")
def everything() -> Iterator[Emulator]:
    """Yield a relay that offers every mechanism with a secret."""
    with Emulator("gatepost") as relay:
        yield relay


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_the_requested_number_of_logins(everything: Emulator, mechanism: str) -> None:
    before = len(everything.events("signed_in"))
    only = Load(20, connections=4, secure=True, mechanism=mechanism, only_sign_in=True)
    outcome = run_load(server_of(everything), only)
    assert 0 < outcome.p50 <= outcome.worst
    logins = _settled(everything, before + 20)[before:]
    assert [each["mechanism"] for each in logins] == [MECHANISMS[mechanism]] * 20
    assert everything.count() == 0
    with pytest.raises(LoadFailed, match="535"):
        run_load(replace(server_of(everything), password="wrong"), only)


def _settled(relay: Emulator, count: int) -> list[dict[str, Any]]:
    """Wait for the reports, which come a moment after the events."""
    deadline = time.monotonic() + 30
    while len(found := relay.events("signed_in")) < count and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def test_logins_with_a_token() -> None:
    only = Load(20, connections=4, secure=True, mechanism="xoauth2", only_sign_in=True)
    with Emulator(options=WEB) as relay:
        server = replace(server_of(relay), password=get_token(relay).reveal())
        run_load(server, only)
        assert {each["mechanism"] for each in _settled(relay, 20)} == {"XOAUTH2"}
        with pytest.raises(LoadFailed, match="535"):
            run_load(server_of(relay), only)
