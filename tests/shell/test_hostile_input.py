"""No input of permitted size occupies the event loop, in which everybody else is served."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any

import pytest

from gatepost.model.body import BytesBody
from tests.certificates import Authority, Pair
from tests.event_loops import TimedLoop
from tests.leases import lease
from tests.shell.hostile_input import (
    COMMANDS,
    CONTENTS,
    HEADERS,
    USERNAMES,
    filled,
    response,
)
from tests.shell.in_process_relay import InProcessRelay, Plan, serving
from tests.shell.peer import Peer
from tests.shell.smtp_server import Client
from tests.shell.smtp_server import serving as answering
from tests.shell.smtp_transport import Relay, greet

LIMIT = 0.05
"""Seconds of one turn of the event loop."""
ATTEMPTS = 3
"""The quickest counts: a shared processor may be slow for a moment."""


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcessRelay]:
    directory = tmp_path_factory.mktemp("relay")
    with serving(directory, Plan(loop=TimedLoop, limits={"errors": 1_000_000})) as running:
        yield running


@pytest.fixture(scope="module")
def open_relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcessRelay]:
    directory = tmp_path_factory.mktemp("open")
    with serving(directory, Plan("open", loop=TimedLoop)) as running:
        yield running


def slow_ones(
    relay: InProcessRelay, inputs: Mapping[str, bytes], play: Callable[[bytes], None]
) -> list[tuple[str, float]]:
    """Play each input to a relay; return those that occupied its event loop, and for how long."""
    assert isinstance(relay.loop, TimedLoop)
    slow = []
    for name, octets in inputs.items():
        longest = []
        for _ in range(ATTEMPTS):
            relay.loop.longest = 0.0
            play(octets.replace(b"{sender}", relay.sender.encode()))
            longest.append(relay.loop.longest)
            if longest[-1] <= LIMIT:
                break
        else:
            slow.append((name, min(longest)))
    return slow


def write(peer: Peer, sender: str, content: bytes) -> None:
    """Send one message, and await its reply."""
    peer.begin(sender)
    peer.send(content + b"\r\n.\r\n")
    assert peer.reply()[:1] in ("2", "5")


@pytest.mark.parametrize("kind", ["From", "many From", "lines", "a"])
def test_headers(relay: InProcessRelay, kind: str) -> None:
    chosen = {name: each for name, each in HEADERS.items() if name.startswith(kind)}
    peer = relay.signed_in()
    with peer:
        slow = slow_ones(
            relay, chosen, lambda octets: write(peer, relay.sender, octets + b"\r\nHello")
        )
    assert chosen
    assert slow == []


@pytest.mark.parametrize("login", [True, False])
def test_contents(relay: InProcessRelay, open_relay: InProcessRelay, login: bool) -> None:
    chosen = relay if login else open_relay
    peer = chosen.signed_in() if login else chosen.greeted()
    with peer:
        assert slow_ones(chosen, CONTENTS, lambda each: write(peer, chosen.sender, each)) == []


def test_chunks(open_relay: InProcessRelay) -> None:
    inputs = {"of one octet": b"BDAT 1\r\nx", "of none": b"BDAT 0\r\n"}

    def play(chunk: bytes) -> None:
        with open_relay.greeted() as peer:
            peer.ask("MAIL FROM:<a@b.example>")
            peer.ask("RCPT TO:<a@b.example>")
            for _ in range(5):
                peer.send(chunk * 1_000)
                for _ in range(1_000):
                    peer.reply()

    assert slow_ones(open_relay, inputs, play) == []


def test_commands(relay: InProcessRelay) -> None:
    def play(octets: bytes) -> None:
        with relay.signed_in() as peer:
            peer.sock.settimeout(0.5)
            try:
                peer.send(octets + b"\r\nQUIT\r\n")
                peer.rest()
            except OSError:  # the relay waits until its replies are read
                pass

    assert slow_ones(relay, COMMANDS, play) == []


def test_logins(relay: InProcessRelay) -> None:
    def play(octets: bytes) -> None:
        with relay.secured() as peer:
            peer.ask("AUTH LOGIN")
            peer.send(response(octets))
            peer.reply()
            peer.send(response(octets))
            assert peer.reply().startswith("535 ")

    assert slow_ones(relay, USERNAMES, play) == []
    ends = {name: octets[:-2] + b"z\n" for name, octets in USERNAMES.items()}
    assert slow_ones(relay, ends, play) == []


def has_short_turns(act: Callable[[], Coroutine[Any, Any, None]]) -> bool:
    """Return whether an event loop that runs this is never occupied for long."""
    for _ in range(ATTEMPTS):
        with asyncio.Runner(loop_factory=TimedLoop) as runner:
            runner.run(act())
            loop = runner.get_loop()
        assert isinstance(loop, TimedLoop)
        if loop.longest <= LIMIT:
            return True
    return False


ENCODED = {
    "addresses": b"To: " + filled(b"\x80,", 120_000),
    "quotes": b"To: \x80" + filled(b'\\"', 120_000),
    "fields": filled(b"X: \x80\r\n", 120_000),
    "parameters": b"Content-Type: text/plain; " + filled(b"a=\x80; ", 120_000),
    "lines": b"MIME-Version: 1.0\r\n\r\n" + filled(b"\x80\r\n", 120_000),
    "parts": b"Content-Type: multipart/mixed; boundary=a\r\n\r\n"
    + filled(b"--a\r\n\r\n\x80\r\n", 120_000),
    "long lines": b"\r\n" + filled(b"\xff", 500_000),
}
"""Contents that must be encoded for a server without 8BITMIME."""


@pytest.mark.parametrize("name", ENCODED)
def test_contents_that_are_encoded_on_the_way(authority: Authority, pair: Pair, name: str) -> None:
    def server(client: Client) -> None:
        greet(client)
        client.answer("250 ok", "250 ok", "354 go")
        last = b""
        while not last.endswith(b"\r\n.\r\n"):
            last = last[-5:] + client.socket.recv(262_144)
        client.say("250 kept")
        client.wait_for_end()

    async def hand(relay: Relay) -> None:
        try:
            handed = await relay.hand(lease(body="8BITMIME"), BytesBody(ENCODED[name]))
            assert handed.verdicts[0].kind == "delivered"
        finally:
            await relay.transport.close()

    with answering(server, pair) as running:
        assert has_short_turns(lambda: hand(Relay(running.address, authority)))


@pytest.mark.parametrize("line", ["a b ", "\"'", "5.7.1 "])
def test_long_replies_about_many_recipients(authority: Authority, pair: Pair, line: str) -> None:
    """What is kept and told of each reply is limited."""
    people = [f"b{number}@example.net" for number in range(50)]
    refusal = "\n".join([*["550-" + line * (100 // len(line))] * 500, "550 no"])

    def server(client: Client) -> None:
        greet(client)
        client.answer("250 ok", *[refusal] * len(people), "250 ok")
        client.wait_for_end()

    async def hand(relay: Relay) -> None:
        try:
            handed = await relay.hand(lease(*people))
            assert {each.kind for each in handed.verdicts} == {"failed"}
            assert all(len(each.reply.text) < 1_100 for each in handed.verdicts)
        finally:
            await relay.transport.close()

    with answering(server, pair) as running:
        assert has_short_turns(lambda: hand(Relay(running.address, authority)))
