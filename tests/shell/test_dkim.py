"""Signed mail on the wire: what the next hop gets is what was signed."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from gatepost.dkim.records import record_text
from gatepost.dkim.signing_keys import SigningKey
from gatepost.model.body import BytesBody
from gatepost.relay.transport.message_signing import MessageSigner, SignatureTerms
from gatepost.relay.transport.published_keys import PublishedKeys
from gatepost.testing.dns import ScriptedResolver
from tests.certificates import Authority, Pair
from tests.leases import lease, outcomes
from tests.rsa_keys import rsa_key
from tests.shell.smtp_server import Client, serving
from tests.shell.smtp_transport import Relay, greet, hand_once, take
from tests.shell.test_provider_transport import hand_all, sparkpost

dkim = pytest.importorskip("dkim")

KEY = SigningKey("contoso.example", "one", rsa_key("dkim"))
HEADER = b"From: ann@contoso.example\r\nTo: bob@example.net\r\nBcc: eve@example.net\r\n"
EIGHT_BIT = HEADER + b"Content-Type: text/plain; charset=utf-8\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"


def _ignore(event: str, **facts: Any) -> None:
    """Nobody looks."""


def signer() -> MessageSigner:
    zone = f"{KEY.name} TXT {record_text(KEY)}"
    published = PublishedKeys(ScriptedResolver(zone), _ignore, {})
    return MessageSigner([KEY], published, SignatureTerms(lambda: datetime.now(UTC)))


def is_signed(message: bytes) -> bool:
    """Tell whether dkimpy verifies the first signature."""

    def record_of(name: bytes, timeout: int = 5) -> bytes | None:
        return record_text(KEY).encode() if name == f"{KEY.name}.".encode() else None

    return bool(dkim.verify(message, dnsfunc=record_of))


@pytest.mark.parametrize("hello", ["250 test", "250-test\n250 8BITMIME"])
def test_the_signature_is_that_of_the_form_for_the_next_hop(
    hello: str, authority: Authority, pair: Pair
) -> None:
    """Without 8BITMIME the content is encoded first."""
    contents: list[bytes] = []

    def server(client: Client) -> None:
        greet(client, hello)
        contents.append(take(client))
        client.wait_for_end()

    with serving(server, pair) as running:
        relay = Relay(running.address, authority)
        relay.transport.signer = signer()
        handed = hand_once(relay, lease(body="8BITMIME"), BytesBody(EIGHT_BIT))
    assert outcomes(handed) == [("delivered", 250)]
    [content] = contents
    assert content.startswith(b"DKIM-Signature: v=1; a=rsa-sha256;")
    assert content.isascii() == ("8BITMIME" not in hello)
    assert is_signed(content)


def test_a_message_that_would_become_too_large_is_sent_without_a_signature(
    authority: Authority, pair: Pair
) -> None:
    contents: list[bytes] = []
    content = HEADER + b"\r\n" + b"x" * 70 + b"\r\n"

    def server(client: Client) -> None:
        greet(client, f"250-test\n250 SIZE {len(content) + 400}")
        contents.append(take(client))
        client.wait_for_end()

    with serving(server, pair) as running:
        relay = Relay(running.address, authority)
        relay.transport.signer = signer()
        hand_once(relay, None, BytesBody(content))
    assert b"DKIM-Signature" not in contents[0]


def test_what_an_api_gets_is_signed_without_blind_copies() -> None:
    content = EIGHT_BIT.replace("ü".encode(), b"\xfc").replace(b"utf-8", b"latin-1")
    results, asked = hand_all("sparkpost", sparkpost(), [lease()], content=content, signer=signer())
    assert outcomes(results[0]) == [("delivered", 250)]
    sent = json.loads(asked[0].body)["content"]["email_rfc822"].encode()
    assert sent.startswith(b"DKIM-Signature: ")
    assert b"eve@" not in sent
    assert is_signed(sent)
