"""Who signs which message, depending on what the DNS publishes."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gatepost.dkim.records import record_text
from gatepost.dkim.signing_keys import SigningKey
from gatepost.model.body import BytesBody
from gatepost.model.dns import DnsAnswer
from gatepost.relay.transport.message_signing import AT_ONCE, MessageSigner, SignatureTerms
from gatepost.relay.transport.published_keys import ABSENT, UNANSWERED, PublishedKeys
from gatepost.testing.dns import ScriptedResolver
from tests.rsa_keys import rsa_key

NOW: Final = datetime(2026, 12, 1, tzinfo=UTC)


def key(selector: str = "one", domain: str = "contoso.example", number: int = 0) -> SigningKey:
    private = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    return SigningKey(domain, selector, private)


ONE, TWO = key("one", number=1), key("two", number=2)
RSA = SigningKey("contoso.example", "long", rsa_key("dkim"))


class World:
    """A signer, the DNS, and the events of both; ``time`` is in seconds."""

    def __init__(self, *keys: SigningKey, zone: str = "") -> None:
        self.dns = ScriptedResolver(zone)
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.time = 0.0
        self.published = PublishedKeys(self.dns, self.report, {}, lambda: self.time)
        self.signer = MessageSigner(keys, self.published, SignatureTerms(lambda: NOW))

    def report(self, event: str, **facts: Any) -> None:
        self.events.append((event, facts))

    async def selectors(self, author: str = "ann@contoso.example") -> list[str]:
        """Return the selectors of the signatures on a message of an author."""
        content = f"From: {author}\r\n\r\nHi\r\n".encode()
        signed = b"".join((await self.signer.sign(BytesBody(content))).chunks())
        assert signed.endswith(content)
        return re.findall(r" s=(\w+);", signed.decode())

    async def settle(self) -> None:
        """Wait for the look-ups in progress."""
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others)


def txt(*keys: SigningKey) -> str:
    return "\n".join([f"{each.name} TXT {record_text(each)}" for each in keys])


def test_strangers_are_not_signed_for() -> None:
    world = World(ONE, zone=txt(ONE))

    async def scenario() -> None:
        assert await world.selectors() == ["one"]
        assert await world.selectors("ann@mail.contoso.example") == ["one"]
        assert await world.selectors("eve@stranger.example") == []
        assert await world.selectors("eve@notcontoso.example") == []
        assert await world.selectors("ann@contoso.example, eve@stranger.example") == []

    asyncio.run(scenario())
    [(event, facts)] = world.events
    assert (event, facts["name"]) == ("dkim_key_published", ONE.name)


def test_the_nearest_domain_signs() -> None:
    below = key("below", "mail.contoso.example", 3)
    world = World(ONE, below, zone=txt(ONE, below))

    async def scenario() -> None:
        assert await world.selectors("ann@mail.contoso.example") == ["below"]
        assert await world.selectors() == ["one"]

    asyncio.run(scenario())


def test_each_algorithm_has_a_signature() -> None:
    world = World(ONE, RSA, zone=txt(ONE, RSA))
    assert asyncio.run(world.selectors()) == ["long", "one"]


def test_a_new_key_signs_once_it_is_published_and_the_older_one_until_then() -> None:
    world = World(ONE, TWO, zone=txt(ONE))

    async def scenario() -> None:
        assert await world.selectors() == ["one"]
        world.dns.add(txt(TWO))
        assert await world.selectors() == ["one"], "the answer still holds"
        world.time += ABSENT
        await world.selectors()
        await world.settle()
        assert await world.selectors() == ["two"]

    asyncio.run(scenario())
    assert [event for event, _ in world.events] == [
        "dkim_key_not_published", "dkim_key_published", "dkim_key_published",
    ]  # fmt: skip
    assert world.events[0][1]["reason"] == f"the DNS has no name {TWO.name}"


def test_a_key_does_not_sign_if_another_one_is_published() -> None:
    other = f"{ONE.name} TXT {record_text(TWO)}"
    world = World(ONE, zone=other)
    assert asyncio.run(world.selectors()) == []
    assert world.events[0][1]["reason"] == "it has another key"


def test_a_reload_looks_again_at_what_was_wrong() -> None:
    world = World(ONE)

    async def scenario() -> None:
        assert await world.selectors() == []
        world.dns.add(txt(ONE))
        world.published.look_up([ONE])
        await world.settle()
        assert await world.selectors() == ["one"]

    asyncio.run(scenario())


def test_a_dns_that_fails_changes_nothing() -> None:
    world = World(ONE, zone=f"{ONE.name} FAIL SERVFAIL")

    async def scenario() -> None:
        assert await world.selectors() == ["one"], "a signature that fails counts as none"
        world.dns.forget(ONE.name)
        world.time += UNANSWERED
        await world.selectors()
        await world.settle()
        assert await world.selectors() == []
        world.dns.add(f"{ONE.name} FAIL SERVFAIL")
        world.time += ABSENT
        await world.selectors()
        await world.settle()
        assert await world.selectors() == []

    asyncio.run(scenario())


def test_an_answer_that_is_due_delays_nothing() -> None:
    world = World(ONE, zone=txt(ONE))
    silent = asyncio.Event()

    async def wait(name: str) -> DnsAnswer[str]:
        await silent.wait()
        return DnsAnswer("failed", reason=name)

    async def scenario() -> None:
        await world.selectors()
        world.time += 1e6
        world.dns.txt = wait  # type: ignore[method-assign]
        assert await world.selectors() == ["one"]
        await world.published.close()

    asyncio.run(scenario())


class Chunks:
    """Implements Body: content in small chunks, which counts how often it is read."""

    def __init__(self, content: bytes) -> None:
        self.content, self.size, self.reads = content, len(content), 0
        self.step = 7 if self.size < AT_ONCE else 7001

    def chunks(self) -> Iterator[bytes]:
        self.reads += 1
        return (self.content[start : start + self.step] for start in range(0, self.size, self.step))


def test_the_signature_does_not_depend_on_chunks() -> None:
    world = World(ONE, zone=txt(ONE))
    content = b"From: ann@contoso.example\r\nSubject: a\r\n\r\nHi  \r\nall \r\n\r\n"

    async def scenario() -> None:
        whole = await world.signer.sign(BytesBody(content))
        pieces = Chunks(content)
        assert b"".join((await world.signer.sign(pieces)).chunks()) == b"".join(whole.chunks())
        assert pieces.reads == 1

    asyncio.run(scenario())


def test_a_large_message_is_never_held_as_a_whole() -> None:
    world = World(ONE, zone=txt(ONE))
    content = b"From: ann@contoso.example\r\n\r\n" + b"line\r\n" * AT_ONCE

    async def scenario() -> None:
        whole = await world.signer.sign(BytesBody(content))
        pieces = Chunks(content)
        signed = await world.signer.sign(pieces)
        assert pieces.reads == 2  # the header and the content
        assert b"".join(signed.chunks()) == b"".join(whole.chunks())
        assert pieces.reads == 3

    asyncio.run(scenario())


def test_content_without_a_header_is_sent_as_it_is() -> None:
    world = World(ONE, zone=txt(ONE))
    for content in (b"", b"\r\nFrom: ann@contoso.example\r\n\r\nHi\r\n", b"x" * 2_000_000):
        body = BytesBody(content)
        assert asyncio.run(world.signer.sign(body)) is body
