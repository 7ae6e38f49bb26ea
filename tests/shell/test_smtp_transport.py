"""SMTP to servers that do as they are told: what is sent, what is kept, what it comes to."""

import asyncio
import base64
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from dataclasses import replace

import pytest

from gatepost.client.settings import Timeouts
from gatepost.client.sign_in import CertificateSignIn, PasswordSignIn, SignIn, TokenSignIn
from gatepost.client.tokens.cache import TokenCache
from gatepost.client.tokens.contract import AccessToken
from gatepost.client.upstream import Opener
from gatepost.errors import ConfigError, TokenError
from gatepost.model.address import parse_address
from gatepost.model.body import BytesBody
from gatepost.model.delivery import Lease
from gatepost.model.envelope import Recipient
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import HopLimits, HopTls, MxTarget, Smarthost, SmarthostTarget
from gatepost.model.secret import Secret
from gatepost.relay.ailment import ailment_of
from gatepost.relay.transport.contract import Handed, Heard, Place
from gatepost.relay.transport.smtp import Sending, SmtpTransport
from tests.certificates import Authority, Pair
from tests.leases import TRACE, lease, outcomes
from tests.shell.behaviours import Client, serving

BODY = BytesBody(b"Subject: hi\r\n\r\n.Hello\r\n")
SENT = TRACE + b"Subject: hi\r\n\r\n..Hello\r\n"
QUICK = Timeouts(
    connect=5, greeting=5, ehlo=5, starttls=5, tls=5, auth=5, mail=5, rcpt=5, data=5, quit=0.1
)
PIPELINED = "250-test\n250-PIPELINING\n250-DSN\n250 SIZE 1000000"


class Relay:
    """A transport to one server, and how it is used."""

    def __init__(
        self,
        address: str,
        authority: Authority,
        *,
        tls: HopTls = "none",
        sign_in: SignIn | None = None,
        timeouts: Timeouts = QUICK,
        **options: object,
    ) -> None:
        host, port = address.split(":")
        self.place = Place(host, int(port), "127.0.0.1")
        target = SmarthostTarget(
            "hub", (Smarthost(host, int(port)),), tls, ca_file=authority.ca_file,
            credential="c" if sign_in else "", **options,  # type: ignore[arg-type]
        )  # fmt: skip
        sending = Sending(Opener(timeouts=timeouts), "relay.example")
        self.transport = SmtpTransport(target, sign_in, sending)

    async def hand(self, given: Lease | None = None, body: BytesBody = BODY) -> Handed:
        deadline = asyncio.get_running_loop().time() + 10
        return await self.transport.deliver(given or lease(), body, self.place, deadline)


def run(relay: Relay, act: Callable[[Relay], Awaitable[None]]) -> None:
    async def all_of_it() -> None:
        try:
            await act(relay)
        finally:
            await relay.transport.close()

    asyncio.run(all_of_it())


def hand_once(relay: Relay, given: Lease | None = None, body: BytesBody = BODY) -> Handed:
    handed: list[Handed] = []

    async def act(relay: Relay) -> None:
        handed.append(await relay.hand(given, body))

    run(relay, act)
    return handed[0]


def greet(client: Client, hello: str = "250 test") -> None:
    client.say("220 test ESMTP")
    client.answer(hello)


def take(client: Client, *recipients: str, final: str = "250 2.0.0 kept") -> bytes:
    """Take one message in lock step; `recipients` are the replies to RCPT."""
    client.answer("250 ok", *(recipients or ("250 ok",)), "354 go")
    content = client.hear_content()
    client.say(final)
    return content


def pipelined(client: Client, *replies: str, final: str = "250 2.0.0 kept") -> bytes:
    for _ in replies:
        client.hear()
    client.say(*replies)
    content = client.hear_content()
    client.say(final)
    return content


def start_tls(client: Client, hello: str = "250 test") -> None:
    greet(client, "250-test\n250 STARTTLS")
    client.answer("220 go")
    client.start_tls()
    client.answer(hello)


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
    assert [(each.outcome, each.reply) for each in handed.verdicts] == [("delivered", kept)]
    attempt = handed.attempt
    assert (attempt.phase, attempt.reply, attempt.is_remote) == ("content", kept, True)
    contact = attempt.contact
    assert (contact.target, contact.host, contact.tls) == ("hub", "localhost", "")
    assert contact.address.startswith("127.0.0.1:")
    assert (handed.heard, handed.error, handed.passed_on) == ((), None, False)


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
    assert handed.heard == (
        Heard(Reply(550, "no such user", Esc(5, 1, 1)), "rcpt"),
        Heard(Reply(450, "greylisted", Esc(4, 2, 0)), "rcpt"),
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


def test_eight_bit_content_is_encoded_for_who_takes_none(authority: Authority, pair: Pair) -> None:
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


def test_as_many_messages_as_the_target_says(authority: Authority, pair: Pair) -> None:
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


@pytest.mark.parametrize("how", ["421 at rest", "cut at rest", "421 to MAIL", "cut at MAIL"])
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

    async def act(relay: Relay) -> None:
        assert outcomes(await relay.hand()) == [("delivered", 250)]
        if how.endswith("at rest"):
            await asyncio.sleep(0.1)
        assert outcomes(await relay.hand()) == [("delivered", 250)]

    with serving(server, pair) as running:
        run(Relay(running.address, authority), act)
        assert len(running.clients) == 2


def test_what_is_told_of_a_failed_connection_is_not_a_kept_one_s(
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


# Before MAIL.


def test_a_name_that_is_none_and_a_port_that_is_closed(authority: Authority) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    handed = hand_once(Relay(f"localhost:{port}", authority))
    assert outcomes(handed) == [("deferred", 451)]
    assert (handed.attempt.phase, handed.attempt.is_remote, handed.heard) == ("connect", False, ())
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
    assert [each.phase for each in handed.heard] == ["greeting"]


def test_a_server_that_says_nothing_until_the_deadline(authority: Authority, pair: Pair) -> None:
    def server(client: Client) -> None:
        client.wait_for_end()

    async def act(relay: Relay) -> None:
        deadline = asyncio.get_running_loop().time() + 0.2
        handed = await relay.transport.deliver(lease(), BODY, relay.place, deadline)
        assert outcomes(handed) == [("deferred", 451)]
        assert handed.attempt.phase == "greeting"
        assert handed.attempt.seconds < 2

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
                time.sleep(0.01)

    async def act(relay: Relay) -> None:
        deadline = asyncio.get_running_loop().time() + 0.5
        body = BytesBody((b"x" * 98 + b"\r\n") * 400_000)
        handed = await relay.transport.deliver(lease(), body, relay.place, deadline)
        assert (outcomes(handed), handed.attempt.phase) == ([("deferred", 451)], "content")
        assert handed.attempt.seconds < 2

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


# TLS.


def test_required_tls_is_required(authority: Authority, pair: Pair) -> None:
    def server(client: Client) -> None:
        greet(client)
        client.wait_for_end()

    with serving(server, pair) as running:
        handed = hand_once(Relay(running.address, authority, tls="required"))
        assert b"MAIL" not in b"".join(running.clients[0].heard)
    assert outcomes(handed) == [("deferred", 454)]
    assert handed.attempt.phase == "starttls"


def test_required_tls_checks_the_certificate(authority: Authority) -> None:
    def server(client: Client) -> None:
        with suppress(OSError):  # the client hangs up
            start_tls(client)

    with serving(server, authority.issue("other.example")) as running:
        handed = hand_once(Relay(running.address, authority, tls="required"))
    assert outcomes(handed) == [("deferred", 454)]
    assert handed.error is not None
    assert (handed.attempt.phase, handed.error.slug) == ("tls", "cert_hostname_mismatch")


def test_tls_where_it_is_offered(authority: Authority) -> None:
    def server(client: Client) -> None:
        start_tls(client)
        take(client)
        client.wait_for_end()

    with serving(server, authority.issue("other.example")) as running:
        handed = hand_once(Relay(running.address, authority, tls="opportunistic"))
    assert outcomes(handed) == [("delivered", 250)]
    assert handed.attempt.contact.tls.startswith("TLSv1.3 TLS_")
    assert not handed.attempt.contact.verified


@pytest.mark.parametrize("how", ["not offered", "refused", "broken", "hung up"])
def test_opportunistic_tls_goes_on_in_clear(authority: Authority, pair: Pair, how: str) -> None:
    seen: list[str] = []

    def server(client: Client) -> None:
        seen.append(how)
        greet(client, "250 test" if how == "not offered" else "250-test\n250 STARTTLS")
        if how == "refused":
            client.answer("454 4.7.0 not now")
        elif how == "hung up" and len(seen) == 1:
            client.hear()
            return
        elif how == "broken" and len(seen) == 1:
            client.answer("220 go")
            client.socket.sendall(b"this is no handshake\r\n")
            client.socket.recv(10_000)
            return
        take(client)
        client.wait_for_end()

    with serving(server, pair) as running:
        handed = hand_once(Relay(running.address, authority, tls="opportunistic"))
    assert outcomes(handed) == [("delivered", 250)]
    assert handed.attempt.contact.tls == ""


def test_implicit_tls(authority: Authority, pair: Pair) -> None:
    def server(client: Client) -> None:
        client.start_tls()
        greet(client)
        take(client)
        client.wait_for_end()

    with serving(server, pair) as running:
        handed = hand_once(Relay(running.address, authority, tls="implicit"))
    assert outcomes(handed) == [("delivered", 250)]
    assert handed.attempt.contact.verified


# Signing in.


class Tokens:
    """A source whose tokens are numbered."""

    identity = "tokens"

    def __init__(self) -> None:
        self.given = 0
        self.failure: TokenError | None = None

    async def fetch(self, scope: str) -> AccessToken:
        assert scope == "scope"
        if self.failure is not None:
            raise self.failure
        self.given += 1
        return AccessToken(Secret(f"t0ken{self.given}"), 3600)


PASSWORD = PasswordSignIn("relay@example.com", lambda: Secret("s3cret"))
NO_FILE = "the file p cannot be read: No such file or directory"


def missing() -> Secret:
    raise ConfigError(NO_FILE)


def test_login_where_only_login_is_offered(authority: Authority, pair: Pair) -> None:
    def server(client: Client) -> None:
        start_tls(client, "250-test\n250 AUTH LOGIN")
        client.answer("334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 2.7.0 ok")
        take(client)
        client.wait_for_end()

    with serving(server, pair) as running:
        handed = hand_once(Relay(running.address, authority, tls="required", sign_in=PASSWORD))
        lines = running.clients[0].heard
    assert base64.b64encode(b"s3cret") in lines
    contact = handed.attempt.contact
    assert (contact.mechanism, contact.identity) == ("LOGIN", "relay@example.com")


@pytest.mark.parametrize(
    ("offer", "tls", "mechanisms", "slug"),
    [
        ("AUTH XOAUTH2", True, (), "mechanism_not_offered"),
        ("SIZE 1000", True, (), "auth_not_advertised"),
        ("AUTH PLAIN LOGIN", True, ("CRAM-MD5", "SCRAM-SHA-256"), "client_mechanism_filter_wrong"),
        ("AUTH PLAIN", False, (), "auth_before_tls_refused_by_client"),
    ],
)
def test_with_a_credential_nothing_goes_without_it(
    authority: Authority, pair: Pair, offer: str, tls: bool, mechanisms: tuple[str, ...], slug: str
) -> None:
    def server(client: Client) -> None:
        if tls:
            start_tls(client, f"250-test\n250 {offer}")
        else:
            greet(client, f"250-test\n250 {offer}")
        client.wait_for_end()

    with serving(server, pair) as running:
        relay = Relay(
            running.address, authority, tls="required" if tls else "none", sign_in=PASSWORD,
            mechanisms=mechanisms,
        )  # fmt: skip
        handed = hand_once(relay)
        assert not [each for each in running.clients[0].heard if each[:4] in (b"MAIL", b"AUTH")]
    assert outcomes(handed) == [("deferred", 504)]
    assert handed.attempt.phase == "auth"
    assert handed.error is not None
    assert handed.error.slug == slug
    assert handed.evidence is not None
    assert handed.evidence.offered == tuple(offer.split()[1:] if "AUTH" in offer else ())


def test_one_mechanism_that_is_not_listed_is_used_when_it_is_named(
    authority: Authority, pair: Pair
) -> None:
    def server(client: Client) -> None:
        start_tls(client, "250-test\n250 AUTH LOGIN")
        client.answer("235 ok")
        take(client)
        client.wait_for_end()

    async def act(address: str) -> None:
        cache = TokenCache()
        sign_in = TokenSignIn("relay@example.com", cache, Tokens(), "scope")
        relay = Relay(address, authority, tls="required", sign_in=sign_in, mechanisms=("XOAUTH2",))
        assert outcomes(await relay.hand()) == [("delivered", 250)]
        await relay.transport.close()
        await cache.close()

    with serving(server, pair) as running:
        asyncio.run(act(running.address))
        assert running.clients[0].heard[3].startswith(b"AUTH XOAUTH2 ")


def test_a_refused_password_is_tried_once_and_shown_to_the_doctor(
    authority: Authority, pair: Pair
) -> None:
    def server(client: Client) -> None:
        start_tls(client, "250-test\n250 AUTH PLAIN LOGIN")
        client.answer("535 5.7.8 wrong: s3cret")
        client.wait_for_end()

    with serving(server, pair) as running:
        handed = hand_once(Relay(running.address, authority, tls="required", sign_in=PASSWORD))
        assert len(running.clients) == 1
        assert sum(each.startswith(b"AUTH") for each in running.clients[0].heard) == 1
    assert outcomes(handed) == [("deferred", 535)]
    assert (handed.attempt.phase, handed.attempt.is_remote) == ("auth", True)
    assert handed.evidence is not None
    [attempt] = handed.evidence.attempts
    assert (attempt.mechanism, attempt.secret_sent, attempt.tls) == ("PLAIN", True, True)
    assert handed.evidence.position == "auth"
    shown = f"{handed.attempt} {handed.verdicts} {handed.evidence}"
    assert "s3cret" not in shown
    assert base64.b64encode(b"\0relay@example.com\0s3cret").decode() not in shown


def test_what_was_seen_behind_implicit_tls(authority: Authority, pair: Pair) -> None:
    """The greeting came inside: it does not say that the port begins in clear."""

    def server(client: Client) -> None:
        client.start_tls()
        greet(client, "250-test\n250 AUTH XOAUTH2")
        client.wait_for_end()

    with serving(server, pair) as running:
        handed = hand_once(Relay(running.address, authority, tls="implicit", sign_in=PASSWORD))
    assert handed.evidence is not None
    assert handed.evidence.greeting.value is None
    first = handed.evidence.tls_first.value
    assert first is not None
    assert first.answered
    assert ailment_of(handed).finding == "mechanism_not_offered"
    assert "XOAUTH2: no token was given" in ailment_of(handed).sentence


def test_an_old_token_that_is_refused_is_renewed_once(authority: Authority, pair: Pair) -> None:
    shown: list[bytes] = []

    def server(client: Client) -> None:
        start_tls(client, "250-test\n250 AUTH XOAUTH2")
        response = base64.b64decode(client.hear().split()[2])
        shown.append(response)
        if b"t0ken1" in response:
            client.say("535 5.7.3 no")
            client.wait_for_end()
            return
        client.say("235 ok")
        take(client)
        client.wait_for_end()

    async def act(address: str) -> None:
        now = 1000.0
        cache = TokenCache(lambda: now)
        source = Tokens()
        await cache.get(source, "scope")
        now += 600
        sign_in = TokenSignIn("relay@example.com", cache, source, "scope")
        relay = Relay(address, authority, tls="required", sign_in=sign_in)
        assert outcomes(await relay.hand()) == [("delivered", 250)]
        await relay.transport.close()
        await cache.close()

    with serving(server, pair) as running:
        asyncio.run(act(running.address))
    assert [b"t0ken1" in shown[0], b"t0ken2" in shown[1], len(shown)] == [True, True, 2]


def test_a_fresh_token_that_is_refused_is_not_tried_again(authority: Authority, pair: Pair) -> None:
    def server(client: Client) -> None:
        start_tls(client, "250-test\n250 AUTH XOAUTH2")
        client.answer("535 5.7.3 no")
        client.wait_for_end()

    async def act(address: str) -> None:
        cache = TokenCache()
        sign_in = TokenSignIn("relay@example.com", cache, Tokens(), "scope")
        relay = Relay(address, authority, tls="required", sign_in=sign_in)
        assert outcomes(await relay.hand()) == [("deferred", 535)]
        await relay.transport.close()
        await cache.close()

    with serving(server, pair) as running:
        asyncio.run(act(running.address))
        assert len(running.clients) == 1


@pytest.mark.parametrize(("transient", "code"), [(True, 454), (False, 535)])
def test_without_a_token_nobody_is_called(
    authority: Authority, pair: Pair, transient: bool, code: int
) -> None:
    async def act(address: str) -> None:
        cache, source = TokenCache(), Tokens()
        source.failure = TokenError(
            "AADSTS7000222", is_transient=transient, number=7000222, retry_after=900.0
        )
        source.failure.slug = "expired_secret"
        sign_in = TokenSignIn("relay@example.com", cache, source, "scope")
        relay = Relay(address, authority, tls="required", sign_in=sign_in)
        handed = await relay.hand()
        assert outcomes(handed) == [("deferred", code)]
        assert (handed.attempt.phase, handed.attempt.is_remote) == ("auth", False)
        assert handed.error is not None
        assert handed.error.slug == "expired_secret"
        assert "AADSTS7000222" in handed.attempt.reply.reason
        assert handed.retry_after == pytest.approx(900, abs=10)
        await relay.transport.close()
        await cache.close()

    with serving(lambda client: client.wait_for_end(), pair) as running:
        asyncio.run(act(running.address))
        assert running.clients == []


def test_a_password_that_is_not_there(authority: Authority, pair: Pair) -> None:
    sign_in = PasswordSignIn("relay@example.com", missing)
    with serving(lambda client: client.wait_for_end(), pair) as running:
        handed = hand_once(Relay(running.address, authority, tls="required", sign_in=sign_in))
        assert running.clients == []
    assert outcomes(handed) == [("deferred", 535)]
    assert NO_FILE in handed.attempt.reply.reason


def test_a_client_certificate(authority: Authority, pair: Pair) -> None:
    def server(client: Client) -> None:
        start_tls(client, "250-test\n250 AUTH EXTERNAL PLAIN")
        client.answer("235 ok")
        take(client)
        client.wait_for_end()

    own = authority.issue("relay.example")
    sign_in = CertificateSignIn(own.certificate, own.key)
    with serving(server, pair) as running:
        handed = hand_once(Relay(running.address, authority, tls="required", sign_in=sign_in))
        assert running.clients[0].heard[3].startswith(b"AUTH EXTERNAL")
    assert handed.attempt.contact.mechanism == "EXTERNAL"


def test_a_target_with_a_credential_needs_one() -> None:
    target = SmarthostTarget("hub", (Smarthost("mail.example"),), credential="relay")
    with pytest.raises(ValueError, match="credential relay"):
        SmtpTransport(target)


def test_an_exchanger_is_reached_at_its_address(authority: Authority, pair: Pair) -> None:
    def server(client: Client) -> None:
        greet(client)
        take(client)
        client.wait_for_end()

    async def act(port: int) -> None:
        sending = Sending(Opener(timeouts=QUICK))
        transport = SmtpTransport(MxTarget("mx", port=port), sending=sending)
        place = Place("mx.example.net", port, "127.0.0.1")
        handed = await transport.deliver(
            lease(), BODY, place, asyncio.get_running_loop().time() + 5
        )
        assert outcomes(handed) == [("delivered", 250)]
        assert handed.attempt.contact.host == "mx.example.net"
        await transport.close()

    del authority
    with serving(server, pair) as running:
        asyncio.run(act(int(running.address.split(":")[1])))
