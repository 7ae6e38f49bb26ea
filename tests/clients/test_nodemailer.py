"""nodemailer against the relay."""

import base64
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gatepost.testing import Emulator
from tests.clients.node.packages import HERE, NODE, needs_node
from tests.commands import RECIPIENT

pytestmark = needs_node


def send(relay: Emulator, message: bytes, **changes: Any) -> dict[str, Any]:
    transport = {
        "host": "localhost",
        "port": relay.smtp.port,
        "requireTLS": True,
        "tls": {"ca": Path(relay.ca_file).read_text()},
        "auth": {"user": relay.username, "pass": relay.password},
    }
    order = {
        "transport": transport | changes,
        "envelope": {"from": relay.sender, "to": [RECIPIENT]},
        "raw": base64.b64encode(message).decode(),
    }
    run = subprocess.run(
        [str(NODE), HERE / "send.mjs"],
        input=json.dumps(order).encode(),
        stdout=subprocess.PIPE,
        check=True,
        timeout=30,
    )
    result: dict[str, Any] = json.loads(run.stdout)
    return result


def test_login_and_send(relay: Emulator, message: bytes, delivered: Callable[[], None]) -> None:
    assert send(relay, message) == {"accepted": [RECIPIENT]}
    delivered()


def test_implicit_tls(relay: Emulator, message: bytes, delivered: Callable[[], None]) -> None:
    assert send(relay, message, port=relay.smtps.port, secure=True) == {"accepted": [RECIPIENT]}
    delivered()


@pytest.mark.usefixtures("nothing_delivered")
@pytest.mark.parametrize(
    ("changes", "response"),
    [
        ({"authMethod": "PLAIN"}, "504 5.7.4 Unrecognized authentication type"),
        ({"auth": {"user": "nobody", "pass": "wrong"}}, "535 5.7.3 Authentication unsuccessful"),
    ],
    ids=["plain", "wrong-password"],
)
def test_refused(relay: Emulator, message: bytes, changes: dict[str, Any], response: str) -> None:
    error = send(relay, message, **changes)["error"]
    assert error["code"] == "EAUTH"
    assert error["response"] == response
