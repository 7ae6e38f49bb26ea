"""The clock of ``gatepost up --workers``: front processes have it, too."""

import email
import json
import subprocess
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

from gatepost.testing import Emulator
from tests import fork_server
from tests.commands import GATEPOST, PATIENCE
from tests.shell.peer import Peer, letter
from tests.shell.test_up import signed_in

OPTIONS = ("--https", "off", "--http", "off", "--console", "off")
PROCESSES = 8
"""Connections, of which each front process very probably gets one."""


def ask(relay: Emulator, *arguments: str) -> str:
    """Return the output of ``gatepost ARGUMENTS``."""
    done = fork_server.run(
        [GATEPOST, *arguments, "--data", str(relay.data)],
        stdout=subprocess.PIPE, text=True, check=True, timeout=PATIENCE,
    )  # fmt: skip
    return str(done.stdout)


def sign_in(relay: Emulator, secret: str) -> str:
    """Return the reply to a login."""
    with Peer.connect(relay.smtp.port, relay.ca_file) as peer:
        return peer.greet().secure().login(relay.ready["username"], secret)


def test_advancing_ends_what_front_processes_had_cached(tmp_path: Path) -> None:
    with Emulator(workers=2, data=tmp_path / "data", options=OPTIONS) as relay:
        made = json.loads(
            ask(relay, "secret", "create", "--in", relay.ready["client_id"], "--lifetime", "1h",
                "--json")
        )  # fmt: skip
        for _ in range(PROCESSES):
            assert sign_in(relay, made["value"]).startswith("235 ")
        assert json.loads(ask(relay, "clock", "advance", "2h", "--json"))["ahead"] == 7200
        for _ in range(PROCESSES):
            assert sign_in(relay, made["value"]).startswith("535 ")
    with Emulator(workers=2, data=tmp_path / "data", options=OPTIONS) as relay:
        with signed_in(relay.ready) as peer:
            assert peer.deliver(relay.sender, letter(relay.sender)).startswith("250 ")
        received = email.message_from_string(ask(relay, "messages", "show", "last", "--raw"))
        at = parsedate_to_datetime(received["Received"].rpartition(";")[2].strip())
        ahead = at - datetime.now(UTC)
        assert timedelta(minutes=119) < ahead < timedelta(minutes=121)
