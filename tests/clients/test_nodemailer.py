"""nodemailer against the relay."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gatepost.testing import Emulator
from tests.clients.node import nodemailer
from tests.clients.node.packages import needs_node
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
    return nodemailer.send(transport | changes, relay.sender, RECIPIENT, message)


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
