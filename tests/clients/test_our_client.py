"""`gatepost send` against other SMTP servers."""

import base64
import json
import subprocess
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from tests import fork_server
from tests.certificates import make_authority
from tests.clients.node import packages
from tests.clients.servers import AIOSMTPD, PASSWORD, SMTP_SERVER, USERNAME, running
from tests.commands import GATEPOST, RECIPIENT

SENDER = "sender@example.com"
TEXT = "First line.\n.a dot\n..two dots\nThe end.\n"
SUBJECT = "Grüße from the client"


PROGRAMS = [
    pytest.param(AIOSMTPD, id="aiosmtpd"),
    pytest.param(SMTP_SERVER, id="smtp-server", marks=packages.needs_node),
]


def send(
    port: int, ca_file: str, home: Path, password: str = PASSWORD, *options: str
) -> subprocess.CompletedProcess[str]:
    secret = home / "password"
    secret.write_text(password)
    command = [
        *(GATEPOST, "send", "--server", f"localhost:{port}", "--ca-file", ca_file),
        *("--username", USERNAME, "--password-file", str(secret)),
        *("--from", SENDER, "--to", RECIPIENT, "--subject", SUBJECT, "--text", TEXT),
        *("--json", *options),
    ]
    return fork_server.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("mechanisms", [["LOGIN"], ["PLAIN"], ["PLAIN", "LOGIN"]], ids="-".join)
@pytest.mark.parametrize("program", PROGRAMS)
def test_delivers_with_what_the_server_offers(
    program: list[str], mechanisms: list[str], tmp_path: Path
) -> None:
    with running(program, tmp_path, mechanisms) as server:
        run = send(server.port, server.ca_file, tmp_path)
        assert run.returncode == 0, run.stdout + run.stderr
        assert json.loads(run.stdout)
        accepted = server.next_message()
    assert accepted["mail_from"] == SENDER
    assert accepted["rcpt_to"] == [RECIPIENT]
    assert accepted["tls"] is True
    assert accepted["mechanism"] in mechanisms
    message = message_from_bytes(base64.b64decode(accepted["content"]), policy=default)
    assert message["subject"] == SUBJECT
    body = message.get_body()
    assert body is not None
    assert body.get_content().splitlines() == TEXT.splitlines()


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_wrong_password_fails_and_stays_secret(program: list[str], tmp_path: Path) -> None:
    wrong = "not the password"
    with running(program, tmp_path, ["LOGIN"]) as server:
        run = send(server.port, server.ca_file, tmp_path, wrong)
    assert run.returncode == 1
    output = run.stdout + run.stderr
    assert "535" in output
    assert wrong not in output
    assert base64.b64encode(wrong.encode()).decode() not in output


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_unknown_certificate_is_not_trusted(program: list[str], tmp_path: Path) -> None:
    stranger = make_authority(tmp_path).ca_file
    with running(program, tmp_path, ["LOGIN"]) as server:
        run = send(server.port, stranger, tmp_path)
    assert run.returncode in (1, 3)
    assert "certificate" in (run.stdout + run.stderr).lower()
