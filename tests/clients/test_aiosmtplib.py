"""aiosmtplib against the relay."""

import asyncio
import ssl
from collections.abc import Callable

import aiosmtplib
import pytest

from tests.clients.relay import RECIPIENT, Relay


def client(relay: Relay, password: str, *, implicit: bool = False) -> aiosmtplib.SMTP:
    return aiosmtplib.SMTP(
        hostname="localhost",
        port=relay.tls_port if implicit else relay.port,
        username=relay.username,
        password=password,
        use_tls=implicit,
        start_tls=not implicit,
        tls_context=ssl.create_default_context(cafile=relay.ca_file),
        timeout=10,
    )


async def send(client: aiosmtplib.SMTP, sender: str, message: bytes) -> None:
    async with client:
        await client.sendmail(sender, [RECIPIENT], message)


@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "implicit"])
def test_login_and_send(
    relay: Relay, message: bytes, delivered: Callable[[], None], *, implicit: bool
) -> None:
    asyncio.run(send(client(relay, relay.password, implicit=implicit), relay.sender, message))
    delivered()


@pytest.mark.usefixtures("nothing_delivered")
def test_a_wrong_password_is_refused(relay: Relay, message: bytes) -> None:
    with pytest.raises(aiosmtplib.SMTPAuthenticationError) as caught:
        asyncio.run(send(client(relay, "wrong"), relay.sender, message))
    assert caught.value.code == 535
    assert caught.value.message == "5.7.3 Authentication unsuccessful"
