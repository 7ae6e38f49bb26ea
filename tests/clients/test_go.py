"""Go's net/smtp against the relay: its refusal of LOGIN, and the fix."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gatepost.testing import Emulator
from tests.commands import RECIPIENT

pytestmark = pytest.mark.compliance


def send(
    go_program: Path, relay: Emulator, message: bytes, auth: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(go_program, "-auth", auth, "-username", relay.username),
            *("-server", f"localhost:{relay.smtp.port}", "-ca-file", relay.ca_file),
            *("-from", relay.sender, "-to", RECIPIENT),
        ],
        input=message.decode(),
        env=os.environ | {"SMTP_PASSWORD": relay.password},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.usefixtures("nothing_delivered")
def test_plain_auth_is_refused(go_program: Path, relay: Emulator, message: bytes) -> None:
    run = send(go_program, relay, message, "plain")
    assert run.stderr == "AUTH: 504 5.7.4 Unrecognized authentication type\n"
    assert run.returncode == 1


def test_login_auth_delivers(
    go_program: Path, relay: Emulator, message: bytes, delivered: Callable[[], None]
) -> None:
    run = send(go_program, relay, message, "login")
    assert (run.returncode, run.stderr) == (0, "")
    delivered()
