"""The doctor finds each missing step of the emulated Microsoft 365 with a token at hand."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gatepost.testing import Emulator
from tests import fork_server
from tests.shell.exchange_client import HTTPS, OUTSIDE, ExchangeClient


@pytest.fixture(scope="module")
def exchange() -> Iterator[ExchangeClient]:
    with Emulator("microsoft365", options=HTTPS) as emulator:
        yield ExchangeClient(emulator)


def diagnose(exchange: ExchangeClient, tmp_path: Path, *arguments: str) -> dict[str, Any]:
    """Return the report of a doctor that signs in with the application's token."""
    file = tmp_path / "token"
    file.write_text(exchange.token())
    done = fork_server.run(
        [sys.executable, "-m", "gatepost.cli.main", "doctor", "--json",
         f"127.0.0.1:{exchange.emulator.smtp.port}", "--ca-file", exchange.emulator.ca_file,
         "--username", exchange.mailbox, "--token-file", str(file), *arguments],
        stdout=subprocess.PIPE, check=False,
    )  # fmt: skip
    report: dict[str, Any] = json.loads(done.stdout)
    return report


# fmt: off
STEPS = [
    # the missing step     what the doctor finds first
    ("admin-consent",      "role_missing"),
    ("service-principal",  "service_principal_missing"),
    ("object-id",          "service_principal_missing"),
    ("scope",              "role_missing"),
    ("mailbox-switch",     "smtp_auth_disabled_mailbox"),
    ("tenant-switch",      "smtp_auth_disabled_tenant"),
    ("full-access",        "role_missing"),
    ("external-rate",      "daily_quota_exceeded"),
    ("recipient-rate",     "daily_quota_exceeded"),
]
# fmt: on


@pytest.mark.parametrize(("step", "finding"), STEPS)
def test_a_missing_step_is_found(
    exchange: ExchangeClient, tmp_path: Path, step: str, finding: str
) -> None:
    exchange.operate("break", step=step)
    sending = ("--from", exchange.mailbox, "--to", OUTSIDE, "--send")
    try:
        found = diagnose(exchange, tmp_path, *sending)
    finally:
        exchange.operate("mend", step=step)
        exchange.operate("use", way="classic")
    assert found["findings"][0]["id"] == finding


def test_nothing_is_found_where_nothing_is_missing(
    exchange: ExchangeClient, tmp_path: Path
) -> None:
    sending = ("--from", exchange.mailbox, "--to", OUTSIDE, "--send")
    assert diagnose(exchange, tmp_path, *sending)["findings"] == []


def test_a_missing_send_as_is_found(exchange: ExchangeClient, tmp_path: Path) -> None:
    exchange.operate("break", step="send-as")
    try:
        found = diagnose(exchange, tmp_path, "--from", exchange.shared, "--to", OUTSIDE, "--send")
    finally:
        exchange.operate("mend", step="send-as")
    assert found["findings"][0]["id"] == "sender_not_authorised"


def test_steps_with_the_same_text_come_with_the_check_that_decides(
    exchange: ExchangeClient, tmp_path: Path
) -> None:
    before = exchange.operate("show")["organisation"]
    object_id = before["service_principal"][0]["object_id"]
    exchange.operate("break", step="object-id")
    try:
        check = diagnose(exchange, tmp_path)["next_probe"]
    finally:
        exchange.operate("mend", step="object-id")
    assert "Get-ServicePrincipal" in check
    assert f"with another ObjectId than {object_id}" in check
    assert "Test-ServicePrincipalAuthorization" in check
