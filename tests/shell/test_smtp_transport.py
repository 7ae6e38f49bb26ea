"""SMTP to scripted servers: the commands, the connections that are kept, and the outcomes."""

import asyncio
import random
import socket
import ssl
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from gatepost.errors import Unreadable
from gatepost.model.address import parse_address
from gatepost.model.body import BytesBody
from gatepost.model.envelope import Recipient
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import (
    HopLimits,
    HopTls,
    MxTarget,
    ServerAddress,
    Smarthost,
    SmarthostTarget,
)
from gatepost.net.tls import server_context
from gatepost.queue.attempt_result import AttemptResult, ErrorReply
from gatepost.relay.transport.connection_opener import Opener
from gatepost.relay.transport.smtp import Sending, SmtpTransport
from gatepost.testing import Mischief, Upstream
from gatepost.testing.upstream import USUAL
from tests.certificates import Authority, Pair
from tests.leases import TRACE, lease, outcomes
from tests.shell.smtp_server import Client, serving
from tests.shell.smtp_transport import (
    BODY,
    PIPELINED,
    QUICK,
    SENT,
    Relay,
    greet,
    hand_once,
    pipelined,
    run,
    start_tls,
    take,
)

# One message.


def test_a_message_and_its_record(authority: Authority, pair: Pair) -> None:
    contents: list[bytes] = []

    def server(client: Client) -> None:
        greet(client)
        contents.append(take(client))
        client.wait_for_end()

    with serving(server, pair) as running:
        handed = hand_once(Relay(running.address, authority))
        heard_lines = running.clients[0].heard
    assert contents == [SENT]
    assert heard_lines[:4] == [
        b"EHLO relay.example", b"MAIL FROM:<a@example.com>", b"RCPT TO:<b@example.net>", b"DATA",
    ]  # fmt: skip
    assert heard_lines[-1] == b"QUIT"
    kept = Reply(250, "kept", Esc(2, 0, 0))
    assert [(each.kind, each.reply) for each in handed.verdicts] == [("delivered", kept)]
    attempt = handed.attempt
    assert (attempt.phase, attempt.reply, attempt.is_remote) == ("content", kept, True)
    contact = attempt.contact
    assert (contact.target, contact.host, contact.tls) == ("hub", "localhost", "")
    assert contact.address.startswith("127.0.0.1:")
    assert (handed.error_replies, handed.error, handed.passed_on) == ((), None, False)


def test_each_recipient_has_its_own_verdict(authority: Authority, pair: Pair) -> None:
    def server(client: Client) -> None:
        greet(client, PIPELINED)
        pipelined(
            client, "250 ok", "250 ok", "550 5.1.1 no such user", "450 4.2.0 greylisted", "354 go"
        )
        client.wait_for_end()

    given = lease("b@example.net", "c@example.net", "d@example.net")
    with serving(server, pair) as running:
        handed = hand_once(Relay(running.address, authority), given)
    assert outcomes(handed) == [("delivered", 250), ("failed", 550), ("deferred", 450)]
    assert (handed.attempt.phase, handed.attempt.reply.code) == ("rcpt", 450)  # what waits
    assert handed.error_replies == (
        ErrorReply(Reply(550, "no such user", Esc(5, 1, 1)), "rcpt"),
        ErrorReply(Reply(450, "greylisted", Esc(4, 2, 0)), "rcpt"),
    )
    assert handed.passed_on


def test_dsn_wishes_are_passed_on(authority: Authority, pair: Pair) -> None:
    def server(client: Client) -> None:
        greet(client, PIPELINED)
        pipelined(client, "250 ok", "250 ok", "354 go")
        client.wait_for_end()

    one = Recipient(
        parse_address("b@example.net"), frozenset({"SUCCESS", "FAILURE"}), "rfc822;b@example.net"
    )
    with serving(server, pair) as running:
        hand_once(Relay(running.address, authority), lease(one, ret="HDRS", envid="QQ1"))
        mail, rcpt = running.clients[0].heard[1:3]
    assert mail.endswith(b" RET=HDRS ENVID=QQ1")
    assert rcpt == b"RCPT TO:<b@example.net> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b@example.net"


def test_chunking_is_binary_safe(authority: Authority, pair: Pair) -> None:
    contents: list[bytes] = []

    def server(client: Client) -> None:
        greet(client, "250-test\n250-8BITMIME\n250 CHUNKING")
        client.answer("250 ok", "250 ok")
        size = int(client.hear().split()[1])
        octets = client._buffer
        while len(octets) < size:
            octets += client.socket.recv(65_536)
        client._buffer = b""
        contents.append(octets)
        client.say("250 ok")
        client.wait_for_end()

    body = BytesBody(b"Subject: x\r\n\r\n.\r\n..\r\n\xff\r\n" * 40_000)
    with serving(server, pair) as running:
        handed = hand_once(Relay(running.address, authority), body=body)
        mail = running.clients[0].heard[1]
    assert contents == [TRACE + body.content]
    assert mail == b"MAIL FROM:<a@example.com> BODY=8BITMIME"
    assert outcomes(handed) == [("delivered", 250)]


@pytest.mark.parametrize("reply", ["500 unknown command", "502 no BDAT", "503 bad sequence"])
def test_a_server_that_does_not_know_its_own_chunking_gets_data(
    authority: Authority, pair: Pair, reply: str
) -> None:
    contents: list[bytes] = []

    def server(client: Client) -> None:
        greet(client, "250-test\n250 CHUNKING")
        if not contents and len(running.clients) == 1:
            client.answer("250 ok", "250 ok", reply)
            client.wait_for_end()
            return
        contents.append(take(client))
        contents.append(take(client))

    async def act(relay: Relay) -> None:
        for _ in range(2):
            assert outcomes(await relay.hand()) == [("delivered", 250)]

    with serving(server, pair) as running:
        run(Relay(running.address, authority), act)
        assert len(running.clients) == 2
    assert contents == [TRACE + BODY.content.replace(b"\r\n.", b"\r\n..")] * 2


def test_8_bit_content_is_encoded_for_a_server_without_8bitmime(
    authority: Authority, pair: Pair
) -> None:
    contents: list[bytes] = []

    def server(client: Client) -> None:
        greet(client)
        contents.append(take(client))
        client.wait_for_end()

    body = BytesBody("Subject: x\r\n\r\nViele Grüße an alle, die das lesen.\r\n".encode())
    with serving(server, pair) as running:
        hand_once(Relay(running.address, authority), lease(body="8BITMIME"), body)
        assert running.clients[0].heard[1] == b"MAIL FROM:<a@example.com>"
    assert contents[0].isascii()
    assert b"quoted-printable" in contents[0]


@pytest.mark.parametrize(
    ("early", "outcome"), [("552 5.3.4 too big", "failed"), ("421 4.3.2 bye", "deferred")]
)
def test_a_refusal_during_the_content_is_noticed(
    authority: Authority, pair: Pair, early: str, outcome: str
) -> None:
    def server(client: Client) -> None:
        greet(client)
        client.answer("250 ok", "250 ok", "354 go")
        client.socket.recv(100_000)
        client.say(early)
        client.wait_for_end()

    body = BytesBody(b"Subject: x\r\n\r\n" + b"x" * 70 * 400_000)
    with serving(server, pair) as running:
        handed = hand_once(Relay(running.address, authority), body=body)
    assert outcomes(handed) == [(outcome, int(early[:3]))]
    assert handed.attempt.phase == "content"


def test_too_large_for_the_server(authority: Authority, pair: Pair) -> None:
    def server(client: Client) -> None:
        greet(client, "250-test\n250 SIZE 10")
        client.wait_for_end()

    with serving(server, pair) as running:
        handed = hand_once(Relay(running.address, authority))
        assert running.clients[0].heard == [b"EHLO relay.example", b"QUIT"]
    assert outcomes(handed) == [("failed", 552)]
    assert not handed.attempt.is_remote


# Connections that are kept.


def test_the_next_message_goes_over_the_same_connection(authority: Authority, pair: Pair) -> None:
    def server(client: Client) -> None:
        greet(client)
        for _ in range(3):
            take(client)
        client.wait_for_end()

    async def act(relay: Relay) -> None:
        for _ in range(3):
            assert outcomes(await relay.hand()) == [("delivered", 250)]

    with serving(server, pair) as running:
        run(Relay(running.address, authority), act)
        assert len(running.clients) == 1


def test_a_refused_transaction_is_reset_and_the_next_one_goes_on(
    authority: Authority, pair: Pair
) -> None:
    def server(client: Client) -> None:
        greet(client)
        client.answer("250 ok", "550 5.1.1 no", "250 reset")
        take(client)
        client.wait_for_end()

    async def act(relay: Relay) -> None:
        assert outcomes(await relay.hand()) == [("failed", 550)]
        assert outcomes(await relay.hand()) == [("delivered", 250)]

    with serving(server, pair) as running:
        run(Relay(running.address, authority), act)
        assert running.clients[0].heard[3] == b"RSET"


def test_a_connection_carries_no_more_messages_than_configured(
    authority: Authority, pair: Pair
) -> None:
    def server(client: Client) -> None:
        greet(client)
        for _ in range(2):
            take(client)
        client.wait_for_end()

    async def act(relay: Relay) -> None:
        for _ in range(4):
            await relay.hand()

    limits = HopLimits(messages_per_connection=2)
    with serving(server, pair) as running:
        run(Relay(running.address, authority, limits=limits), act)
        assert len(running.clients) == 2


@pytest.mark.parametrize(
    "how",
    ["421 at rest", "cut at rest", "421 to MAIL", "cut at MAIL", "452 to MAIL", "503 to MAIL",
     "221 to MAIL", "530 to MAIL", "535 to MAIL"],
)  # fmt: skip
def test_a_kept_connection_that_is_over_costs_no_try(
    authority: Authority, pair: Pair, how: str
) -> None:
    def server(client: Client) -> None:
        greet(client)
        take(client)
        if how == "421 at rest":
            client.say("421 4.4.2 idle too long")
        elif how == "421 to MAIL":
            client.answer("421 4.3.2 shutting down")
        elif how == "cut at MAIL":
            client.hear()
        elif how == "452 to MAIL":  # OpenSMTPD, which waits for more
            client.answer("452 4.5.3 Too many recipients: Too many messages sent")
            client.wait_for_end()
        elif how == "503 to MAIL":
            client.answer("503 5.5.1 nested MAIL", "221 bye")
        elif how == "221 to MAIL":
            client.answer("221 2.0.0 bye")
        elif how in ("530 to MAIL", "535 to MAIL"):  # who signed in there may do so no more
            client.answer(f"{how[:3]} 5.7.0 Authentication required", "221 bye")

    async def act(relay: Relay) -> None:
        assert outcomes(await relay.hand()) == [("delivered", 250)]
        if how.endswith("at rest"):
            await asyncio.sleep(0.1)
        assert outcomes(await relay.hand()) == [("delivered", 250)]

    with serving(server, pair) as running:
        run(Relay(running.address, authority), act)
        assert len(running.clients) == 2


def test_refused_senders_do_not_repeat_the_sign_in(authority: Authority, pair: Pair) -> None:
    """A server that accepts the sign-in, and denies it at each MAIL."""

    def server(client: Client) -> None:
        greet(client)
        client.answer("530 5.7.0 Authentication required", "530 again", "530 again")
        client.wait_for_end()

    async def act(relay: Relay) -> None:
        for _ in range(3):
            assert [outcome for outcome, _ in outcomes(await relay.hand())] == ["deferred"]

    with serving(server, pair) as running:
        run(Relay(running.address, authority), act)
        assert len(running.clients) == 1


class BrokenBody(BytesBody):
    """Content whose checksum is found wrong at its end."""

    def chunks(self) -> Iterator[bytes]:
        yield from super().chunks()
        raise Unreadable("the body is damaged")


def test_no_message_follows_a_half_sent_content(authority: Authority, pair: Pair) -> None:
    first: list[Client] = []

    def server(client: Client) -> None:
        greet(client, "250-test\n250 8BITMIME")
        if first:
            take(client)
            return
        first.append(client)
        client.answer("250 ok", "250 ok", "354 go")
        client.wait_for_end()

    async def act(relay: Relay) -> None:
        with pytest.raises(Unreadable):  # read while it is sent, for 8-bit is what it may be
            await relay.hand(lease(body="8BITMIME"), BrokenBody(b"x" * 70_000))
        assert outcomes(await relay.hand()) == [("delivered", 250)]

    with serving(server, pair) as running:
        run(Relay(running.address, authority), act)
    assert first[0].heard[-1] == b"DATA"


def test_a_failed_connection_does_not_report_facts_of_an_earlier_one(
    authority: Authority, pair: Pair
) -> None:
    def server(client: Client) -> None:
        start_tls(client)
        take(client)
        client.hear()

    async def act(relay: Relay) -> None:
        assert (await relay.hand()).attempt.contact.tls
        running.stop_listening()
        attempt = (await relay.hand()).attempt
        assert (attempt.phase, attempt.contact.tls, attempt.contact.verified) == (
            "connect", "", False,
        )  # fmt: skip

    with serving(server, pair) as running:
        run(Relay(running.address, authority, tls="required"), act)


def test_the_certificate_of_a_server_is_remembered(authority: Authority, pair: Pair) -> None:
    def server(client: Client) -> None:
        start_tls(client)
        take(client)
        client.hear()

    with serving(server, pair) as running:
        relay = Relay(running.address, authority, tls="required")
        assert outcomes(hand_once(relay)) == [("delivered", 250)]
    [seen] = relay.transport.sending.certificates.of("hub")
    own = ssl.PEM_cert_to_DER_cert(Path(pair.certificate).read_text())
    assert (seen.server, seen.der, seen.verified) == (relay.place, own, True)


# Before MAIL.


def test_a_name_that_is_none_and_a_port_that_is_closed(authority: Authority) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    handed = hand_once(Relay(f"localhost:{port}", authority))
    assert outcomes(handed) == [("deferred", 451)]
    assert (handed.attempt.phase, handed.attempt.is_remote, handed.error_replies) == (
        "connect",
        False,
        (),
    )
    assert "refused" in handed.attempt.reply.reason.lower()
    relay = Relay("nobody.invalid:25", authority)
    relay.place = relay.place._replace(address="")
    assert hand_once(relay).attempt.phase in ("resolve", "connect")


@pytest.mark.parametrize("code", [421, 554])
def test_a_greeting_that_is_none_is_not_about_the_message(
    authority: Authority, pair: Pair, code: int
) -> None:
    def server(client: Client) -> None:
        client.say(f"{code} 5.7.1 not you" if code == 554 else "421 4.3.2 busy")

    with serving(server, pair) as running:
        handed = hand_once(Relay(running.address, authority))
    assert outcomes(handed) == [("deferred", code)]
    assert handed.attempt.phase == "greeting"
    assert [each.phase for each in handed.error_replies] == ["greeting"]


def test_a_server_that_says_nothing_until_the_deadline(authority: Authority, pair: Pair) -> None:
    def server(client: Client) -> None:
        client.wait_for_end()

    async def act(relay: Relay) -> None:
        deadline = asyncio.get_running_loop().time() + 1.0
        handed = await relay.transport.deliver(lease(), BODY, relay.place, deadline)
        assert outcomes(handed) == [("deferred", 451)]
        assert handed.attempt.phase == "greeting"
        assert handed.attempt.seconds < 15

    with serving(server, pair) as running:
        run(Relay(running.address, authority), act)


def test_a_server_that_reads_too_slowly_until_the_deadline(
    authority: Authority, pair: Pair
) -> None:
    def server(client: Client) -> None:
        greet(client)
        client.answer("250 ok", "250 ok", "354 go")
        with suppress(OSError):  # the client leaves
            while client.socket.recv(65_536):
                time.sleep(0.1)

    async def act(relay: Relay) -> None:
        body = BytesBody((b"x" * 98 + b"\r\n") * 250_000)
        deadline = asyncio.get_running_loop().time() + 4.0
        handed = await relay.transport.deliver(lease(), body, relay.place, deadline)
        assert (outcomes(handed), handed.attempt.phase) == ([("deferred", 451)], "content")
        assert handed.attempt.seconds < 20  # it takes 40 s to read all

    with serving(server, pair) as running:
        run(Relay(running.address, authority), act)


def test_a_phase_that_takes_too_long_says_which(authority: Authority, pair: Pair) -> None:
    with serving(lambda client: client.wait_for_end(), pair) as running:
        impatient = Relay(running.address, authority, timeouts=replace(QUICK, greeting=0.2))
        handed = hand_once(impatient)
    assert handed.attempt.phase == "greeting"
    assert handed.attempt.reply.reason == "the server said nothing in time"


def test_a_server_that_stops_in_the_middle(authority: Authority, pair: Pair) -> None:
    def server(client: Client) -> None:
        greet(client)
        client.answer("250 ok", "550 5.1.1 no", "250 ok", "354 go")
        client.hear_content()

    given = lease("b@example.net", "c@example.net")
    with serving(server, pair) as running:
        handed = hand_once(Relay(running.address, authority), given)
    assert outcomes(handed) == [("failed", 550), ("deferred", 451)]
    assert (handed.attempt.phase, handed.attempt.is_remote) == ("content", False)


@pytest.mark.parametrize(
    ("replies", "phase", "outcome"),
    [
        (["554 5.7.1 no"], "mail", ("failed", 554)),
        (["450 4.7.1 come back"], "mail", ("deferred", 450)),
        (["250 ok", "550 5.1.1 no"], "rcpt", ("failed", 550)),
    ],
)
def test_a_refusal_counts_although_the_server_hangs_up(
    authority: Authority, pair: Pair, replies: list[str], phase: str, outcome: tuple[str, int]
) -> None:
    def server(client: Client) -> None:
        greet(client, PIPELINED)
        for _ in ("MAIL", "RCPT", "DATA"):
            client.hear()
        client.say(*replies)

    with serving(server, pair) as running:
        handed = hand_once(Relay(running.address, authority))
    assert outcomes(handed) == [outcome]
    assert (handed.attempt.phase, handed.attempt.is_remote) == (phase, True)
    assert [each.phase for each in handed.error_replies] == [phase]


def test_an_exchanger_is_reached_at_its_address(authority: Authority, pair: Pair) -> None:
    def server(client: Client) -> None:
        greet(client)
        take(client)
        client.wait_for_end()

    async def act(port: int) -> None:
        sending = Sending(Opener(timeouts=QUICK))
        transport = SmtpTransport(MxTarget("mx", port=port), sending=sending)
        server = ServerAddress("mx.example.net", port, "127.0.0.1")
        handed = await transport.deliver(
            lease(), BODY, server, asyncio.get_running_loop().time() + 5
        )
        assert outcomes(handed) == [("delivered", 250)]
        assert handed.attempt.contact.host == "mx.example.net"
        await transport.close()

    del authority
    with serving(server, pair) as running:
        asyncio.run(act(int(running.address.split(":")[1])))


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
        self.server = ServerAddress("127.0.0.1", int(address.split(":")[1]), "127.0.0.1")
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
            deadline = asyncio.get_running_loop().time() + 60
            trying = transport.deliver(lease(who, id=who), body, self.server, deadline)
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
