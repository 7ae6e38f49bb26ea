"""aiosmtplib against the relay."""

import ssl
from collections.abc import Callable

import aiosmtplib
import pytest

from gatepost.testing import Emulator
from tests.commands import RECIPIENT
from tests.event_loops import run_and_cut


def client(relay: Emulator, password: str, *, implicit: bool = False) -> aiosmtplib.SMTP:
    return aiosmtplib.SMTP(
        hostname="localhost",
        port=relay.smtps.port if implicit else relay.smtp.port,
        username=relay.username,
        password=password,
        use_tls=implicit,
        start_tls=not implicit,
        tls_context=ssl.create_default_context(cafile=relay.ca_file),
        timeout=60,
    )


async def send(client: aiosmtplib.SMTP, sender: str, message: bytes) -> None:
    async with client:
        await client.sendmail(sender, [RECIPIENT], message)


@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "implicit"])
def test_login_and_send(
    relay: Emulator, message: bytes, delivered: Callable[[], None], *, implicit: bool
) -> None:
    run_and_cut(send(client(relay, relay.password, implicit=implicit), relay.sender, message))
    delivered()


@pytest.mark.usefixtures("nothing_delivered")
def test_a_wrong_password_is_refused(relay: Emulator, message: bytes) -> None:
    with pytest.raises(aiosmtplib.SMTPAuthenticationError) as caught:
        run_and_cut(send(client(relay, "wrong"), relay.sender, message))
    assert caught.value.code == 535
    assert caught.value.message == "5.7.3 Authentication unsuccessful"
