"""A message whose envelope is pipelined behind the content of another (RFC 2920 3.1)."""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from gatepost.model.address import parse_address
from gatepost.model.body import BytesBody
from gatepost.model.envelope import Recipient
from gatepost.model.route import (
    HopLimits,
    HopTls,
    MxTarget,
    ServerAddress,
    Smarthost,
    SmarthostTarget,
)
from gatepost.net.tls import server_context
from gatepost.queue.attempt_result import AttemptResult
from gatepost.relay.transport.opener import Opener
from gatepost.relay.transport.smtp import FORGETFUL, Sending, SmtpTransport, followers_of
from gatepost.testing import Mischief, Upstream
from gatepost.testing.upstream import USUAL
from tests.certificates import Authority, Pair
from tests.leases import lease, outcomes
from tests.shell.smtp_server import Client, serving
from tests.shell.smtp_transport import (
    PIPELINED,
    QUICK,
    SENT,
    Relay,
    greet,
    pipelined,
    run,
    start_tls,
)

OPENED = [
    b"MAIL FROM:<a@example.com> SIZE=%d" % (len(SENT) - 1),
    b"RCPT TO:<b@example.net>",
    b"DATA",
]
GO_AHEAD = ("250 ok", "250 ok", "354 go")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a server on a busy machine count as quick."""
    monkeypatch.setattr("gatepost.client.session.QUICK", 10.0)


def hand_two(relay: Relay) -> list[AttemptResult]:
    """Hand over one message, which shows that the server is quick, then two at once: the last
    one finds no idle connection."""
    handed: list[AttemptResult] = []

    async def act(relay: Relay) -> None:
        assert outcomes(await relay.hand()) == [("delivered", 250)]
        handed.extend(await asyncio.gather(relay.hand(), relay.hand()))

    run(relay, act)
    return handed


def serve(
    behaviour: Callable[[Client], None], pair: Pair, authority: Authority
) -> list[AttemptResult]:
    with serving(behaviour, pair) as running:
        return hand_two(Relay(running.address, authority))


def open_both(client: Client) -> None:
    """Accept the first message, and the second up to its end of data and the commands behind it."""
    greet(client, PIPELINED)
    pipelined(client, *GO_AHEAD)
    hear_two(client)


def hear_two(client: Client) -> None:
    assert [client.hear() for _ in range(3)] == OPENED
    client.say(*GO_AHEAD)
    assert client.hear_content() == SENT
    assert [client.hear() for _ in range(3)] == OPENED


@pytest.mark.parametrize("tls", ["none", "required"])
def test_commands_come_behind_the_content(tls: HopTls, authority: Authority, pair: Pair) -> None:
    def server(client: Client) -> None:
        if tls == "none":
            greet(client, PIPELINED)
        else:
            start_tls(client, PIPELINED)
        pipelined(client, *GO_AHEAD)
        hear_two(client)
        client.say("250 one", *GO_AHEAD)
        assert client.hear_content() == SENT
        client.say("250 two")
        assert client.hear() == b"QUIT"
        client.say("221 bye")

    with serving(server, pair) as running:
        one, two = hand_two(Relay(running.address, authority, tls=tls))
    assert (one.attempt.reply.text, two.attempt.reply.text) == ("one", "two")
    assert len(running.clients) == 1


def test_it_goes_on_when_the_content_before_is_refused(authority: Authority, pair: Pair) -> None:
    def server(client: Client) -> None:
        open_both(client)
        client.say("554 5.6.0 no", *GO_AHEAD)
        client.hear_content()
        client.say("250 two")
        client.wait_for_end()

    one, two = serve(server, pair, authority)
    assert (outcomes(one), outcomes(two)) == ([("failed", 554)], [("delivered", 250)])


def test_a_server_that_is_still_in_the_one_before_is_asked_again(
    authority: Authority, pair: Pair
) -> None:
    def server(client: Client) -> None:
        open_both(client)
        client.say("451 later", *["503 nested MAIL"] * 3)
        client.answer("250 reset")
        assert client.heard[-1] == b"RSET"
        pipelined(client, *GO_AHEAD)
        client.wait_for_end()

    one, two = serve(server, pair, authority)
    assert (outcomes(one), outcomes(two)) == ([("deferred", 451)], [("delivered", 250)])


def test_no_content_goes_to_recipients_of_the_previous_message(
    authority: Authority, pair: Pair
) -> None:
    """A server that may have mixed up recipients gets no content, not even an empty one."""
    calls: list[Client] = []

    def server(client: Client) -> None:
        calls.append(client)
        if len(calls) == 1:
            open_both(client)
            client.say("451 later", "503 nested MAIL", "250 ok", "354 go")
            client.wait_for_end()
            return
        greet(client, PIPELINED)
        pipelined(client, *GO_AHEAD)
        client.wait_for_end()

    one, two = serve(server, pair, authority)
    assert (outcomes(one), outcomes(two)) == ([("deferred", 451)], [("delivered", 250)])
    assert calls[0].heard[-3:] == OPENED


@pytest.mark.parametrize(
    "last_words",
    [
        (),
        ("421 4.3.2 enough",),
        ("250 one", "421 4.3.2 enough"),
        ("250 one", *["250 too much"] * 4),
    ],
)
def test_a_connection_that_ends_costs_the_next_one_no_try(
    last_words: tuple[str, ...], authority: Authority, pair: Pair
) -> None:
    calls: list[Client] = []

    def server(client: Client) -> None:
        calls.append(client)
        if len(calls) == 1:
            open_both(client)
            client.say(*last_words)
            return
        greet(client, PIPELINED)
        pipelined(client, *GO_AHEAD, final="250 two")
        client.wait_for_end()

    one, two = serve(server, pair, authority)
    is_kept = bool(last_words) and last_words[0].startswith("250")
    assert outcomes(one)[0][0] == ("delivered" if is_kept else "deferred")
    assert (outcomes(two), two.attempt.reply.text) == ([("delivered", 250)], "two")


@pytest.mark.parametrize("word", ["452 4.3.1 full", "550 5.7.1 not you"])
def test_a_verdict_on_its_mail_is_its_own(word: str, authority: Authority, pair: Pair) -> None:
    def server(client: Client) -> None:
        open_both(client)
        client.say("250 one", word, "503 no MAIL", "503 no MAIL")
        client.wait_for_end()

    one, two = serve(server, pair, authority)
    assert (outcomes(one), outcomes(two)[0][1]) == ([("delivered", 250)], int(word[:3]))


def test_a_failed_message_makes_the_next_one_send_its_own_envelope(
    authority: Authority, pair: Pair
) -> None:
    """The message before was refused without content, so the next one starts its own
    transaction; later commands must not apply to the earlier recipients."""

    def server(client: Client) -> None:
        greet(client, PIPELINED)
        pipelined(client, *GO_AHEAD)
        assert [client.hear() for _ in range(3)] == OPENED
        client.say("250 ok", "450 not yet", "554 nobody")
        client.answer("250 reset")
        assert [client.hear() for _ in range(3)] == OPENED
        client.say(*GO_AHEAD)
        assert client.hear_content() == SENT
        client.say("250 two")
        assert [client.hear() for _ in range(3)][1] == b"RCPT TO:<carol@example.net>"
        client.say(*GO_AHEAD)
        client.hear_content()
        client.say("250 three")
        client.wait_for_end()

    async def act(relay: Relay) -> None:
        await relay.hand()
        one, two = await asyncio.gather(relay.hand(), relay.hand())
        assert (outcomes(one), outcomes(two)) == ([("deferred", 450)], [("delivered", 250)])
        three = await relay.hand(lease("carol@example.net"))
        assert three.attempt.reply.text == "three"

    with serving(server, pair) as running:
        run(Relay(running.address, authority), act)
    assert running.failure is None


def test_a_cancelled_message_loses_only_its_connection(authority: Authority, pair: Pair) -> None:
    announced, is_called_off = threading.Event(), threading.Event()

    def server(client: Client) -> None:
        open_both(client)
        announced.set()
        assert is_called_off.wait(10)
        client.say("250 one", *GO_AHEAD)
        client.wait_for_end()

    async def act(relay: Relay) -> None:
        await relay.hand()
        first, second = (asyncio.create_task(relay.hand()) for _ in range(2))
        await asyncio.to_thread(announced.wait, 10)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        is_called_off.set()
        assert outcomes(await first) == [("delivered", 250)]

    with serving(server, pair) as running:
        run(Relay(running.address, authority), act)
    assert running.clients[0].heard[-3:] == OPENED
    assert running.failure is None


CHUNKED = "250-test\n250-PIPELINING\n250 CHUNKING"


def hear_chunk(client: Client) -> None:
    """Read BDAT and its octets."""
    _, octets, _ = client.hear().split()
    while int(octets) > 0:
        octets = b"%d" % (int(octets) - len(client.hear()) - 2)


@pytest.mark.parametrize("first", ["250 one", "554 5.6.0 no"])
def test_a_repeated_reply_is_not_taken_for_the_next_message(
    first: str, authority: Authority, pair: Pair
) -> None:
    """Otherwise the reply to its RCPT would be taken for the reply to its content."""
    calls: list[Client] = []

    def server(client: Client) -> None:
        calls.append(client)
        greet(client, CHUNKED)
        client.answer("250 ok")
        client.answer("250 ok")
        hear_chunk(client)
        client.say("250 zero" if len(calls) == 1 else "250 two")
        if len(calls) == 1:
            for _ in range(2):
                client.hear()
            client.say("250 ok", "250 ok")
            hear_chunk(client)
            for _ in range(2):
                client.hear()
            client.say(first, first, "250 ok", "250 ok")
        client.wait_for_end()

    one, two = serve(server, pair, authority)
    assert outcomes(one)[0][1] == int(first[:3])
    assert (outcomes(two), two.attempt.reply.text) == ([("delivered", 250)], "two")


def pour(client: Client, poured: threading.Event) -> None:
    """Accept one message, and read the content of another without a reply."""
    greet(client, PIPELINED)
    pipelined(client, *GO_AHEAD)
    assert [client.hear() for _ in range(3)] == OPENED
    client.say(*GO_AHEAD)
    client.hear_content()
    poured.set()


async def hand_one_that_waits(
    relay: Relay, poured: threading.Event
) -> "asyncio.Task[AttemptResult]":
    """Hand one over, and another one, which waits for the answer to its content."""
    await relay.hand()
    first = asyncio.create_task(relay.hand())
    await asyncio.to_thread(poured.wait, 10)
    return first


def test_one_that_does_not_fit_leaves_the_one_before_its_transcript(
    authority: Authority, pair: Pair
) -> None:
    poured, is_refused = threading.Event(), threading.Event()

    def server(client: Client) -> None:
        pour(client, poured)
        assert is_refused.wait(10)

    async def act(relay: Relay) -> None:
        first = await hand_one_that_waits(relay, poured)
        large = await relay.hand(body=BytesBody(b"x" * 1_000_001))
        assert outcomes(large) == [("failed", 552)]
        is_refused.set()
        error = (await first).error
        assert error is not None
        assert "MAIL FROM" in str(error.transcript)

    with serving(server, pair) as running:
        run(Relay(running.address, authority), act)


def test_one_that_cannot_be_sent_fails_also_behind_another_one(
    authority: Authority, pair: Pair
) -> None:
    poured, has_failed = threading.Event(), threading.Event()

    def server(client: Client) -> None:
        pour(client, poured)
        assert has_failed.wait(10)
        client.say("250 one")
        assert client.hear() == b"QUIT"

    async def act(relay: Relay) -> None:
        first = await hand_one_that_waits(relay, poured)
        two_lines = Recipient(parse_address("b@example.net"), orcpt="rfc822;b\r\nDATA")
        bad = await relay.hand(lease(two_lines))
        assert (outcomes(bad), bad.attempt.phase) == ([("failed", 554)], "mail")
        has_failed.set()
        assert outcomes(await first) == [("delivered", 250)]

    with serving(server, pair) as running:
        run(Relay(running.address, authority), act)
    assert running.failure is None


class Slow(BytesBody):
    """Read in a thread, which takes its time."""

    may_go_on = threading.Event()

    def chunks(self) -> Iterator[bytes]:
        assert self.may_go_on.wait(10)
        yield self.content


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    monkeypatch.setattr("gatepost.relay.transport.smtp.SMALL", 1_000)
    monkeypatch.setattr(Slow, "may_go_on", threading.Event())
    return Slow(b"Subject: slow\r\n\r\n" + b"x" * 1_000 + b"\r\n")


def test_a_message_read_too_slowly_sends_nothing_after_another(
    slow: Slow, authority: Authority, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatepost.relay.transport.pool.PATIENCE", 0.02)
    poured = [threading.Event() for _ in range(2)]
    may_answer = [threading.Event() for _ in range(2)]
    calls: list[Client] = []

    def server(client: Client) -> None:
        calls.append(client)
        greet(client, PIPELINED)
        pipelined(client, *GO_AHEAD)
        if len(calls) > 1:
            client.wait_for_end()
            return
        for heard, answer in zip(poured, may_answer, strict=True):
            assert [client.hear() for _ in range(3)] == OPENED
            client.say(*GO_AHEAD)
            client.hear_content()
            heard.set()
            assert answer.wait(10)
            client.say("250 ok")
        client.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.socket.recv(1)

    async def act(relay: Relay) -> None:
        await relay.hand()
        first = asyncio.create_task(relay.hand())
        await asyncio.to_thread(poured[0].wait, 10)
        large = asyncio.create_task(relay.hand(body=slow))
        await asyncio.sleep(0.1)
        may_answer[0].set()
        await first
        another = asyncio.create_task(relay.hand())
        assert await asyncio.to_thread(poured[1].wait, 3)
        slow.may_go_on.set()
        await asyncio.sleep(0.1)
        may_answer[1].set()
        assert outcomes(await another) == [("delivered", 250)]
        assert outcomes(await large) == [("delivered", 250)]

    with serving(server, pair) as running:
        run(Relay(running.address, authority), act)


def test_a_server_that_forgets_what_comes_behind_a_content_is_left_alone_for_a_while(
    authority: Authority, pair: Pair
) -> None:
    """It costs a message the time for an answer to MAIL; but a server gets better, or another."""
    calls: list[Client] = []

    def server(client: Client) -> None:
        calls.append(client)
        greet(client, PIPELINED)
        pipelined(client, *GO_AHEAD)
        hear_two(client)
        client.say("250 one")
        if len(calls) > 1:  # else that is all
            client.say(*GO_AHEAD)
            assert client.hear_content() == SENT
            client.say("250 two")
        client.wait_for_end()

    async def act(relay: Relay) -> None:
        now = 0.0
        transport = relay.transport
        transport.sending = replace(transport.sending, seconds=lambda: now)
        await relay.hand()
        one, two = await asyncio.gather(relay.hand(), relay.hand())
        assert outcomes(one) == outcomes(two) == [("delivered", 250)]
        now = FORGETFUL.first / 2
        assert transport.terms.follow == 0
        now = FORGETFUL.first * 2
        one, two = await asyncio.gather(relay.hand(), relay.hand())
        assert (one.attempt.reply.text, two.attempt.reply.text) == ("one", "two")
        assert transport.terms.follow == followers_of(transport.target)

    with serving(server, pair) as running:
        run(Relay(running.address, authority, timeouts=replace(QUICK, mail=0.1)), act)
    assert running.failure is None


def test_an_inconclusive_probe_is_left_to_the_next_message(
    authority: Authority, pair: Pair
) -> None:
    calls: list[Client] = []

    def server(client: Client) -> None:
        calls.append(client)
        greet(client, PIPELINED)
        pipelined(client, *GO_AHEAD)
        if len(calls) == 1:
            hear_two(client)
            client.say("250 one")  # and hangs up

    async def act(relay: Relay) -> None:
        transport = relay.transport
        transport.sending = replace(transport.sending, seconds=lambda: FORGETFUL.first * 2)
        transport.following.record_failure(0.0, lambda: 0.5, "it forgot")
        await relay.hand()
        one, two = await asyncio.gather(relay.hand(), relay.hand())
        assert outcomes(one) == outcomes(two) == [("delivered", 250)]
        assert transport.terms.follow == followers_of(transport.target)

    with serving(server, pair) as running:
        run(Relay(running.address, authority), act)


@pytest.mark.parametrize(("connections", "servers", "few"), [(20, 1, 15), (20, 2, 7), (1, 1, 0)])
def test_only_few_follow(connections: int, servers: int, few: int) -> None:
    """When many are on their way at once, the hop is slow: more connections are what helps."""
    hosts = tuple(Smarthost(f"mx{each}.example") for each in range(servers))
    assert followers_of(SmarthostTarget("hub", hosts, limits=HopLimits(connections))) == few
    assert followers_of(MxTarget("mx", limits=HopLimits(connections))) == 0


class Rush:
    """Many messages at once, each of which names its recipient in its content."""

    def __init__(self, seed: int, authority: Authority, pair: Pair, tls: HopTls) -> None:
        self.chance = random.Random(seed)
        weights = dict(USUAL) | {"accept": 30.0, "cut_early": 4.0}
        self.upstream = Upstream(seed, Mischief(weights, stall=0.03, slowness=0.01))
        self.upstream.tls = server_context(pair.certificate, pair.key)
        self.tls, self.ca_file = tls, authority.ca_file
        self.handed: dict[str, AttemptResult] = {}

    async def run(self) -> None:
        address = f"127.0.0.1:{await self.upstream.start()}"
        limits = HopLimits(16, messages_per_connection=30)
        target = SmarthostTarget(
            "hub", (Smarthost("127.0.0.1", 25),), self.tls, ca_file=self.ca_file, limits=limits
        )
        transport = SmtpTransport(target, None, Sending(Opener(timeouts=QUICK), "relay.example"))
        self.place = ServerAddress("127.0.0.1", int(address.split(":")[1]), "127.0.0.1")
        try:
            await asyncio.gather(*(self._hand(transport, worker) for worker in range(10)))
        finally:
            await transport.close()
            self.upstream.close()
            await self.upstream.quiet(5)

    async def _hand(self, transport: SmtpTransport, worker: int) -> None:
        for number in range(15):
            who = f"r{worker}.{number}@example.net"
            body = BytesBody(f"Message-ID: <{who}>\r\n\r\nto {who}\r\n".encode())
            deadline = asyncio.get_running_loop().time() + 10
            trying = transport.deliver(lease(who, id=who), body, self.place, deadline)
            with suppress(TimeoutError):  # some are called off
                async with asyncio.timeout(0.01 if self.chance.random() < 0.1 else None):
                    self.handed[who] = await trying


@pytest.mark.parametrize(
    ("seed", "tls"), [(0, "none"), (1, "none"), (2, "none"), (3, "none"), (4, "required")]
)
def test_whatever_happens_each_content_goes_to_its_own(
    seed: int, tls: HopTls, authority: Authority, pair: Pair
) -> None:
    rush = Rush(seed, authority, pair, tls)
    asyncio.run(rush.run())
    taken = Counter(each.message_id.strip("<>") for each in rush.upstream.taken)
    for each in rush.upstream.taken:
        assert each.message_id == f"<{each.recipients[0]}>"
        assert each.content.endswith(f"to {each.recipients[0]}\r\n".encode())
    assert set(taken.values()) <= {1}
    delivered = {who for who, it in rush.handed.items() if outcomes(it)[0][0] == "delivered"}
    assert delivered <= set(taken)
    assert len(delivered) > 50
