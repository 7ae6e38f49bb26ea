"""Real clients, recorded on their way to the relay: sessions that work, and faults of the
clients."""

import base64
import os
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest

from gatepost.doctor.recording.forwarding_settings import Leg
from gatepost.model.finding import Diagnosis
from gatepost.testing import Emulator
from tests.clients.node import nodemailer
from tests.clients.node.packages import needs_node
from tests.commands import RECIPIENT
from tests.event_loops import run_and_cut
from tests.recorded_client import ids, recorded

Client = Callable[[int], object]


def watched(relay: Emulator, client: Client, *, tls: Leg = "starttls") -> Diagnosis:
    """Record the client on its way to the relay, which has the same certificate as the recorder."""
    port = relay.smtp.port if tls == "starttls" else relay.smtps.port
    return recorded(
        f"localhost:{port}", Path(relay.data), client, client_tls=tls, server_tls=tls,
        ca_file=relay.ca_file,
    )  # fmt: skip


def aiosmtplib_client(relay: Emulator, message: bytes, **changes: Any) -> Client:
    def send(port: int) -> None:
        context = ssl.create_default_context(cafile=relay.ca_file)
        settings: dict[str, Any] = {
            "sender": relay.sender, "recipients": [RECIPIENT], "hostname": "127.0.0.1",
            "port": port, "username": relay.username, "password": relay.password,
            "start_tls": True, "tls_context": context,
        }  # fmt: skip

        run_and_cut(aiosmtplib.send(message, **(settings | changes)))

    return send


def test_aiosmtplib(relay: Emulator, message: bytes, delivered: Callable[[], None]) -> None:
    diagnosis = watched(relay, aiosmtplib_client(relay, message))
    assert (diagnosis.verdict, diagnosis.evidence.client.library) == ("healthy", "aiosmtplib")
    delivered()


def test_aiosmtplib_with_a_wrong_password(relay: Emulator, message: bytes) -> None:
    diagnosis = watched(relay, aiosmtplib_client(relay, message, password="not-the-secret"))
    assert diagnosis.verdict == "finding"
    assert "not-the-secret" not in repr(diagnosis)
    assert base64.b64encode(b"not-the-secret").decode() not in repr(diagnosis)


def nodemailer_client(relay: Emulator, message: bytes, **changes: Any) -> Client:
    def send(port: int) -> None:
        transport = {
            "host": "localhost", "port": port, "requireTLS": True,
            "tls": {"ca": Path(relay.ca_file).read_text()},
            "auth": {"user": relay.username, "pass": relay.password},
        }  # fmt: skip
        nodemailer.send(transport | changes, relay.sender, RECIPIENT, message)

    return send


@needs_node
@pytest.mark.parametrize(
    ("changes", "tls", "found"),
    [
        ({}, "starttls", []),
        ({"secure": True, "requireTLS": False}, "implicit", []),
        ({"secure": True}, "starttls", ["implicit_tls_on_starttls_port"]),
        ({"authMethod": "PLAIN"}, "starttls", ["mechanism_not_offered"]),
        ({"auth": {"user": "somebody"}}, "starttls", ["credentials_missing"]),
        ({"tls": {}}, "starttls", ["cert_untrusted"]),
        ({"auth": None}, "starttls", ["auth_not_performed"]),
        ({"requireTLS": False, "ignoreTLS": True}, "starttls", ["starttls_required"]),
    ],
    ids=["healthy", "implicit", "secure", "plain", "no-password", "no-ca", "no-auth", "in-clear"],
)
def test_nodemailer(
    relay: Emulator, message: bytes, changes: dict[str, Any], tls: Leg, found: list[str]
) -> None:
    diagnosis = watched(relay, nodemailer_client(relay, message, **changes), tls=tls)
    assert ids(diagnosis)[:1] == found, diagnosis.findings
    assert relay.password not in repr(diagnosis)


@pytest.mark.compliance
def test_go(
    go_program: Path,
    relay: Emulator,
    message: bytes,
) -> None:
    def plain(port: int) -> None:
        subprocess.run(
            [
                *(go_program, "-auth", "plain", "-username", relay.username),
                *("-server", f"localhost:{port}", "-ca-file", relay.ca_file),
                *("-from", relay.sender, "-to", RECIPIENT),
            ],
            input=message, env=os.environ | {"SMTP_PASSWORD": relay.password},
            capture_output=True, timeout=120, check=False,
        )  # fmt: skip

    diagnosis = watched(relay, plain)
    assert ids(diagnosis)[:1] == ["mechanism_not_offered"]
    assert diagnosis.evidence.client.library == "go-net-smtp"
    assert "smtp.Auth" in diagnosis.findings[0].remedies[0].text


def command(message: bytes, *words: str | Path) -> Client:
    """Return a function that runs a program; PORT in its arguments is replaced."""

    def run(port: int) -> None:
        told = [str(word).replace("PORT", str(port)) for word in words]
        subprocess.run(told, input=message, capture_output=True, timeout=120, check=False)

    return run


@pytest.mark.compliance
def test_curl(relay: Emulator, message: bytes, delivered: Callable[[], None]) -> None:
    common = (
        *("curl", "--silent", "--url", "smtp://localhost:PORT", "--ssl-reqd"),
        *("--mail-from", relay.sender, "--mail-rcpt", RECIPIENT, "--upload-file", "-"),
    )
    user = ("--user", f"{relay.username}:{relay.password}")
    diagnosis = watched(relay, command(message, *common, "--cacert", relay.ca_file, *user))
    assert diagnosis.verdict == "healthy"
    delivered()
    assert ids(watched(relay, command(message, *common, *user)))[0] == "cert_untrusted"
    plain = (*common, "--cacert", relay.ca_file, *user, "--login-options", "AUTH=PLAIN")
    assert "mechanism_not_offered" in ids(watched(relay, command(message, *plain)))


@pytest.mark.compliance
def test_swaks(relay: Emulator, message: bytes) -> None:
    common = (
        *("swaks", "--server", "localhost:PORT", "--tls", "--tls-ca-path", relay.ca_file),
        *("--from", relay.sender, "--to", RECIPIENT, "--data", "-"),
    )
    login = ("--auth-user", relay.username, "--auth-password", relay.password)
    text = message.replace(b"\r\n", b"\n")
    diagnosis = watched(relay, command(text, *common, "--auth", "LOGIN", *login))
    assert diagnosis.verdict == "healthy"
    assert ids(watched(relay, command(text, *common)))[0] == "auth_not_performed"


@pytest.mark.compliance
def test_msmtp(relay: Emulator, message: bytes, password_file: Path) -> None:
    common = (
        *("msmtp", "--host=localhost", "--port=PORT", "--tls=on", "--file=/dev/null"),
        *(f"--from={relay.sender}", f"--user={relay.username}"),
        f"--passwordeval=cat {password_file}",
    )
    trusting = f"--tls-trust-file={relay.ca_file}"
    diagnosis = watched(relay, command(message, *common, trusting, "--auth=login", RECIPIENT))
    assert diagnosis.verdict == "healthy"
    plain = command(message, *common, trusting, "--auth=plain", RECIPIENT)
    assert "mechanism_not_offered" in ids(watched(relay, plain))
