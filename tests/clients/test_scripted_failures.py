"""What unmodified clients make of scripted replies: the code and the text, at that command."""

import smtplib
import ssl
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from gatepost.testing import Emulator
from tests.clients.node.packages import needs_node
from tests.clients.test_go import send as send_by_go
from tests.clients.test_nodemailer import send as send_by_nodemailer
from tests.commands import RECIPIENT

STAGES = ("connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "message")
REPLIES = {
    "busy": "421 4.3.2 Too busy, come back",
    "later": "451 4.7.1 Try later",
    "never": "554 5.7.1 Never",
    "two lines": "550 5.1.1 No such\\n550 5.1.1 user here",
}
WANTED = {name: text.replace("\\n550 5.1.1", "") for name, text in REPLIES.items()}


@pytest.fixture(scope="module")
def relay() -> Iterator[Emulator]:
    with Emulator() as relay:
        yield relay


@pytest.fixture(autouse=True)
def _no_rules(relay: Emulator) -> Iterator[None]:
    yield
    relay.forget_failures()


def by_smtplib(relay: Emulator, message: bytes) -> str:
    """Send as a Python program does; return what the library says of a refusal."""
    context = ssl.create_default_context(cafile=relay.ca_file)
    try:
        with smtplib.SMTP(relay.smtp.host, relay.smtp.port, timeout=60) as client:
            client.ehlo()
            client.starttls(context=context)
            client.login(relay.username, relay.password)
            client.sendmail(relay.sender, RECIPIENT, message)
    except smtplib.SMTPRecipientsRefused as error:
        code, text = error.recipients[RECIPIENT]
        return f"{code} {text.decode()}"
    except smtplib.SMTPResponseException as error:
        text = error.smtp_error if isinstance(error.smtp_error, bytes) else b""
        return f"{error.smtp_code} {text.decode()}"
    except smtplib.SMTPException as error:
        return str(error)
    return "delivered"


@pytest.mark.parametrize(
    ("stage", "reply"),
    list(zip([each for each in STAGES if each not in ("ehlo", "starttls")], cycle(REPLIES))),
)
def test_smtplib(relay: Emulator, message: bytes, stage: str, reply: str) -> None:
    relay.fail(f"{stage} times=1 -> reply {REPLIES[reply]}")
    response = by_smtplib(relay, message).replace("\n5.1.1", "")
    assert response == WANTED[reply]
    assert by_smtplib(relay, message) == "delivered"


def test_smtplib_hears_that_ehlo_is_refused(relay: Emulator) -> None:
    rule = relay.fail("ehlo -> reply 502 5.5.1 Unknown")
    with smtplib.SMTP(relay.smtp.host, relay.smtp.port, timeout=60) as client:
        assert client.ehlo() == (502, b"5.5.1 Unknown")
        assert client.helo() == (502, b"5.5.1 Unknown")
    assert rule.fired == 2


def test_smtplib_hears_that_starttls_is_refused(relay: Emulator, message: bytes) -> None:
    relay.fail("starttls -> tls refuse")
    assert by_smtplib(relay, message).startswith("454 ")


@needs_node
@pytest.mark.compliance
@pytest.mark.parametrize("stage", STAGES)
def test_nodemailer(relay: Emulator, message: bytes, stage: str) -> None:
    relay.fail(f"{stage} -> reply 451 4.7.1 Try later")
    error: dict[str, Any] = send_by_nodemailer(relay, message)["error"]
    assert error["responseCode"] == 451
    assert error["response"] == "451 4.7.1 Try later"
    command = {
        "connect": "ECONNECTION|EPROTOCOL", "ehlo": "EPROTOCOL|ECONNECTION", "starttls": "ETLS",
        "auth": "EAUTH", "message": "EMESSAGE",
    }.get(stage, "EENVELOPE")  # fmt: skip
    assert error["code"] in command.split("|"), error


@needs_node
def test_nodemailer_loses_the_reply_to_its_content(relay: Emulator, message: bytes) -> None:
    before = relay.count()
    rule = relay.fail("message -> keep ; close before")
    error = send_by_nodemailer(relay, message)["error"]
    assert error["code"] == "ECONNECTION"
    assert (relay.count(), rule.fired) == (before + 1, 1)


@pytest.mark.compliance
@pytest.mark.parametrize("stage", STAGES)
def test_go(go_program: Path, relay: Emulator, message: bytes, stage: str) -> None:
    relay.fail(f"{stage} -> reply 451 4.7.1 Try later")
    run = send_by_go(go_program, relay, message, "login")
    assert run.stderr.rstrip().endswith("451 4.7.1 Try later")
    named = {"starttls": "STARTTLS: ", "auth": "AUTH: ", "mail": "MAIL: ", "rcpt": "RCPT: "}
    assert run.stderr.startswith(named.get(stage, ""))
