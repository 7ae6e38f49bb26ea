"""The standard library's client against the relay."""

import base64
import smtplib
import ssl
from collections.abc import Callable, Iterator

import pytest

from gatepost.testing import Emulator
from tests.commands import RECIPIENT


@pytest.fixture
def client(relay: Emulator) -> Iterator[smtplib.SMTP]:
    context = ssl.create_default_context(cafile=relay.ca_file)
    with smtplib.SMTP("localhost", relay.smtp.port, timeout=60) as client:
        client.starttls(context=context)
        client.ehlo()
        yield client


def test_login_and_send(
    relay: Emulator, client: smtplib.SMTP, message: bytes, delivered: Callable[[], None]
) -> None:
    client.login(relay.username, relay.password)
    client.sendmail(relay.sender, [RECIPIENT], message)
    delivered()


def test_implicit_tls(relay: Emulator, message: bytes, delivered: Callable[[], None]) -> None:
    context = ssl.create_default_context(cafile=relay.ca_file)
    with smtplib.SMTP_SSL("localhost", relay.smtps.port, timeout=60, context=context) as client:
        client.login(relay.username, relay.password)
        client.sendmail(relay.sender, [RECIPIENT], message)
    delivered()


@pytest.mark.usefixtures("nothing_delivered")
def test_plain_is_refused(relay: Emulator, client: smtplib.SMTP) -> None:
    secret = base64.b64encode(f"\0{relay.username}\0{relay.password}".encode()).decode()
    refusal = (504, b"5.7.4 Unrecognized authentication type")
    assert client.docmd("AUTH", f"PLAIN {secret}") == refusal
    assert client.docmd("AUTH", "PLAIN") == refusal


@pytest.mark.usefixtures("nothing_delivered")
def test_a_wrong_password_is_refused(relay: Emulator, client: smtplib.SMTP) -> None:
    with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
        client.login(relay.username, "wrong")
    assert caught.value.smtp_code == 535
    assert caught.value.smtp_error == b"5.7.3 Authentication unsuccessful"


@pytest.mark.usefixtures("nothing_delivered")
def test_a_sender_of_another_domain_is_refused(
    relay: Emulator, client: smtplib.SMTP, message: bytes
) -> None:
    client.login(relay.username, relay.password)
    with pytest.raises(smtplib.SMTPSenderRefused) as caught:
        client.sendmail("someone@example.com", [RECIPIENT], message)
    assert caught.value.smtp_code == 501
    assert b"5.1.7 The specified sender domain has not been linked." in caught.value.smtp_error


def test_no_auth_is_offered_in_clear(relay: Emulator) -> None:
    with smtplib.SMTP("localhost", relay.smtp.port, timeout=60) as client:
        client.ehlo()
        assert client.has_extn("starttls")
        assert not client.has_extn("auth")
