"""`gatepost send` against a real Postfix."""

import tempfile
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from compliance.postfix import Postfix, running_postfix
from tests import fork_server
from tests.commands import GATEPOST, RECIPIENT

pytestmark = pytest.mark.compliance

SENDER = "sender@example.com"
TEXT = "First line.\n.a dot\n..two dots\nThe end.\n"


@pytest.fixture(params=["LOGIN", "PLAIN LOGIN"], ids=["login", "plain-login"])
def postfix(request: pytest.FixtureRequest) -> Iterator[Postfix]:
    # Not in tmp_path, which only its owner may enter: Postfix works as users of its own.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as parent:
        Path(parent).chmod(0o755)
        with running_postfix(Path(parent) / "postfix", request.param) as server:
            yield server


def test_delivers(postfix: Postfix, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(postfix.password)
    command = [
        *(GATEPOST, "send", "--server", f"localhost:{postfix.port}"),
        *("--ca-file", postfix.ca_file),
        *("--username", postfix.username, "--password-file", str(secret)),
        *("--from", SENDER, "--to", RECIPIENT, "--subject", "held", "--text", TEXT),
    ]
    run = fork_server.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stdout + run.stderr + postfix.log()
    [content] = postfix.held()
    message = message_from_bytes(content, policy=default)
    assert message["subject"] == "held"
    body = message.get_body()
    assert body is not None
    assert body.get_content().splitlines() == TEXT.splitlines()
    assert "sasl_method=" in postfix.log()
