"""TLS and sign-in with scripted servers: what is required, sent, and withheld."""

import asyncio
import base64
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote

import pytest

from gatepost.client.session import ClientSession
from gatepost.client.smtp_sign_in import CertificateSignIn, PasswordSignIn, TokenSignIn
from gatepost.client.tokens.contract import AccessToken
from gatepost.client.tokens.renewing_cache import TokenCache
from gatepost.diagnosis.client_errors import finding_of
from gatepost.errors import AuthenticationRefused, ConfigError, Disconnected, TokenError
from gatepost.model.credentials import Credentials
from gatepost.model.route import Smarthost, SmarthostTarget
from gatepost.model.secret import Secret
from gatepost.net.dial import Server
from gatepost.net.tls import Trust
from gatepost.relay.sign_in_diagnosis import diagnose_sign_in
from gatepost.relay.transport.connection_opener import Opener, ServerSettings
from gatepost.relay.transport.smtp import SmtpTransport
from tests.certificates import Authority, Pair
from tests.leases import outcomes
from tests.shell.smtp_server import Client, serving
from tests.shell.smtp_transport import (
    Relay,
    greet,
    hand_once,
    start_tls,
    take,
)

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
    assert (handed.attempt.phase, finding_of(handed.error)) == ("tls", "cert_hostname_mismatch")
    assert diagnose_sign_in(handed).sentence.endswith(
        "is not valid for 'localhost'. Name the server as its certificate does, or have the "
        "certificate reissued."
    )


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


@pytest.mark.parametrize("how", ["not offered", "refused", "broken", "hung up", "421"])
def test_opportunistic_tls_goes_on_in_clear(authority: Authority, pair: Pair, how: str) -> None:
    seen: list[str] = []

    def server(client: Client) -> None:
        seen.append(how)
        greet(client, "250 test" if how == "not offered" else "250-test\n250 STARTTLS")
        if how == "refused":
            client.answer("454 4.7.0 not now")
        elif how == "421" and len(seen) == 1:
            client.answer("421 4.3.0 not now")
            return
        elif how == "hung up" and len(seen) == 1:
            client.hear()
            return
        elif how == "broken" and len(seen) == 1:
            client.answer("220 go")
            client.socket.sendall(b"this is not a handshake\r\n")
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
    """A source of numbered tokens."""

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


@dataclass
class Given:
    """A ``SignIn`` with fixed credentials."""

    given: Credentials
    identity: str = ""
    certificate: str | None = None
    key: str | None = None

    async def credentials(self) -> Credentials:
        return self.given

    def try_replace(self, _credentials: Credentials) -> bool:
        return False


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
    ("offer", "tls", "mechanisms", "slug", "fix"),
    [
        ("AUTH XOAUTH2", True, (), "mechanism_not_offered", "name this one alone in mechanisms"),
        ("SIZE 1000", True, (), "auth_not_advertised", "remove the credential from the target"),
        (
            "AUTH PLAIN LOGIN", True, ("CRAM-MD5", "SCRAM-SHA-256"),
            "client_mechanism_filter_wrong", "Correct mechanisms at the target",
        ),
        (
            "AUTH PLAIN", False, (),
            "auth_before_tls_refused_by_client", 'tls = "required" or "implicit" at the target',
        ),
    ],
)  # fmt: skip
def test_with_a_credential_nothing_goes_without_it(
    authority: Authority,
    pair: Pair,
    offer: str,
    tls: bool,
    mechanisms: tuple[str, ...],
    slug: str,
    fix: str,
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
    assert finding_of(handed.error) == slug
    diagnosis = diagnose_sign_in(handed)
    assert diagnosis.finding == slug
    assert fix in diagnosis.sentence, "in the words of the configuration"
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


def refuses_plain(refusal: str, *, ends: bool) -> Callable[[Client], None]:
    """Return a server that refuses PLAIN and accepts LOGIN, with ``ends`` on another connection."""

    def server(client: Client) -> None:
        start_tls(client, "250-test\n250 AUTH PLAIN LOGIN")
        if client.hear().startswith(b"AUTH PLAIN"):
            client.say(*refusal.split("\n"))
            if ends or client.hear() != b"AUTH LOGIN":
                return
        client.say("334 VXNlcm5hbWU6")
        client.answer("334 UGFzc3dvcmQ6", "235 2.7.0 ok")
        take(client)
        client.wait_for_end()

    return server


@pytest.mark.parametrize(
    ("refusal", "ends"),
    [
        ("504 5.7.4 Unrecognized", False),
        ("504 5.7.4 Unrecognized", True),
        ("504 5.7.4 Unrecognized\n421 4.7.0 Bye", True),
        ("504 5.7.4 Unrecognized\n500 5.5.1 Stray", True),
    ],
)
def test_the_next_mechanism_follows_one_that_is_refused_and_is_remembered(
    authority: Authority, pair: Pair, refusal: str, ends: bool
) -> None:
    """At once, also on a new connection if the server disconnects after the refusal."""

    async def act(address: str) -> None:
        relay = Relay(address, authority, tls="required", sign_in=PASSWORD)
        await relay.transport.retire()
        for _ in range(2):
            assert outcomes(await relay.hand()) == [("delivered", 250)]
        await relay.transport.close()

    with serving(refuses_plain(refusal, ends=ends), pair) as running:
        asyncio.run(act(running.address))
        heard = b"\n".join([line for each in running.clients for line in each.heard])
    assert len(running.clients) == 3 if ends else 2
    assert (heard.count(b"AUTH PLAIN"), heard.count(b"AUTH LOGIN")) == (1, 2)


@pytest.mark.parametrize(
    ("replies", "has_shown"),
    [
        (["504 5.7.4 Unrecognized"], False),
        (["535 5.7.8 wrong"], True),
        (["454 4.7.0 later"], True),
    ],
)
def test_a_refusal_shows_whether_the_secret_may_have_been_checked(
    authority: Authority, pair: Pair, replies: list[str], has_shown: bool
) -> None:
    def server(client: Client) -> None:
        start_tls(client, "250-test\n250 AUTH PLAIN")
        for each in replies:
            client.hear()
            client.say(each)
        client.wait_for_end()

    with serving(server, pair) as running:
        handed = hand_once(Relay(running.address, authority, tls="required", sign_in=PASSWORD))
    assert (handed.has_shown_secret, handed.is_kept) == (has_shown, False)


def test_a_message_on_a_kept_connection_has_no_login(authority: Authority, pair: Pair) -> None:
    def server(client: Client) -> None:
        start_tls(client, "250-test\n250 AUTH PLAIN")
        client.answer("235 2.7.0 ok")
        take(client)
        take(client)
        client.wait_for_end()

    async def act(address: str) -> None:
        relay = Relay(address, authority, tls="required", sign_in=PASSWORD)
        handed = [await relay.hand(), await relay.hand()]
        assert [each.is_kept for each in handed] == [False, True]
        await relay.transport.close()

    with serving(server, pair) as running:
        asyncio.run(act(running.address))


@pytest.mark.parametrize(
    ("mechanism", "heard"), [("PLAIN", 1), ("LOGIN", 1), ("LOGIN", 3), ("SCRAM-SHA-256", 1)]
)
def test_a_server_that_hangs_up_at_auth_is_testified(
    authority: Authority, pair: Pair, mechanism: str, heard: int
) -> None:
    def server(client: Client) -> None:
        start_tls(client, f"250-test\n250 AUTH {mechanism}")
        client.answer(*["334 "] * (heard - 1))
        client.hear()

    with serving(server, pair) as running:
        handed = hand_once(Relay(running.address, authority, tls="required", sign_in=PASSWORD))
    assert (handed.attempt.phase, handed.evidence is not None) == ("auth", True)
    assert handed.evidence is not None
    [attempt] = handed.evidence.attempts
    assert (attempt.mechanism, attempt.reply.code) == (mechanism, 0)
    assert attempt.secret_sent == (mechanism == "PLAIN" or heard == 3)
    finding = "bad_credentials" if attempt.secret_sent else "server_auth_backend_down"
    assert diagnose_sign_in(handed).finding == finding


def test_evidence_behind_implicit_tls_has_no_greeting_in_clear(
    authority: Authority, pair: Pair
) -> None:
    """The greeting came under TLS, so it does not show that the port begins in clear."""

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
    assert diagnose_sign_in(handed).finding == "mechanism_not_offered"
    assert "XOAUTH2: no token was given" in diagnose_sign_in(handed).sentence


def test_a_token_that_is_refused_is_renewed_once(authority: Authority, pair: Pair) -> None:
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
        cache = TokenCache()
        sign_in = TokenSignIn("relay@example.com", cache, Tokens(), "scope")
        relay = Relay(address, authority, tls="required", sign_in=sign_in)
        assert outcomes(await relay.hand()) == [("delivered", 250)]
        await relay.transport.close()
        await cache.close()

    with serving(server, pair) as running:
        asyncio.run(act(running.address))
    assert [b"t0ken1" in shown[0], b"t0ken2" in shown[1], len(shown)] == [True, True, 2]


def test_earlier_secrets_are_redacted_for_every_sign_in(authority: Authority, pair: Pair) -> None:
    """Also a password that is not sent yet, and also in a session that signs in with a token."""
    password, token = "auth s3cret/LOGIN", "t0ken9"
    told = [password, base64.b64encode(password.encode()).decode(), quote(password, safe="")]

    def server(client: Client) -> None:
        client.say(f"220 hello {told[1]}")
        client.answer("250-test\n250 STARTTLS")
        client.answer("220 go")
        client.start_tls()
        client.answer("250-test\n250 AUTH PLAIN XOAUTH2", f"535 5.7.8 {' or '.join(told)}, {token}")
        client.answer("221 bye")

    async def act(address: str) -> None:
        host, port = address.split(":")
        opener, sessions = Opener(), list[ClientSession]()
        trust = Trust(ca_file=authority.ca_file)
        upstream = ServerSettings(Server(host, int(port)), "127.0.0.1", "required", trust)
        for credentials in (
            Credentials("relay@example.com", Secret(password)),
            Credentials("relay@example.com", token=Secret(token)),
        ):
            with pytest.raises(AuthenticationRefused) as caught:
                await opener.open(upstream, Given(credentials), lambda it, _: sessions.append(it))
            seen = f"{caught.value} {sessions[-1].transcript}"
            assert not [each for each in told if each in seen]
            assert credentials.token is None or token not in seen

    with serving(server, pair) as running:
        asyncio.run(act(running.address))


def test_a_password_may_be_a_word_of_ehlo(authority: Authority, pair: Pair) -> None:
    def server(client: Client) -> None:
        start_tls(client, "250-test\n250 AUTH PLAIN")
        client.answer("235 2.7.0 ok")
        take(client)
        client.wait_for_end()

    sign_in = PasswordSignIn("relay@example.com", lambda: Secret("PLAIN"))
    with serving(server, pair) as running:
        handed = hand_once(Relay(running.address, authority, tls="required", sign_in=sign_in))
    assert outcomes(handed) == [("delivered", 250)]


def test_no_refused_token_is_sent_twice(authority: Authority, pair: Pair) -> None:
    """The first attempt shows two tokens, each later one shows one."""
    shown: list[bytes] = []

    def server(client: Client) -> None:
        start_tls(client, "250-test\n250 AUTH XOAUTH2")
        shown.append(base64.b64decode(client.hear().split()[2]))
        client.say("535 5.7.3 no")
        client.wait_for_end()

    async def act(address: str) -> None:
        cache = TokenCache()
        sign_in = TokenSignIn("relay@example.com", cache, Tokens(), "scope")
        relay = Relay(address, authority, tls="required", sign_in=sign_in)
        for number in (2, 3, 4):
            assert outcomes(await relay.hand()) == [("deferred", 535)]
            assert len(shown) == number
        await relay.transport.close()
        await cache.close()

    with serving(server, pair) as running:
        asyncio.run(act(running.address))
    assert [f"t0ken{each}".encode() in shown[each - 1] for each in (1, 2, 3, 4)] == [True] * 4


@pytest.mark.parametrize(("transient", "code"), [(True, 454), (False, 535)])
def test_without_a_token_no_connection_is_made(
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
        assert finding_of(handed.error) == "expired_secret"
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


def test_a_disconnect_after_the_sign_in_does_not_blame_the_credentials(
    authority: Authority, pair: Pair
) -> None:
    """It counts as a disconnect: the server is paused, and not the credential."""

    def server(client: Client) -> None:
        start_tls(client, "250-test\n250 AUTH PLAIN")
        client.answer("235 ok\n421 4.3.2 shutting down")
        client.wait_for_end()

    with serving(server, pair) as running:
        handed = hand_once(Relay(running.address, authority, tls="required", sign_in=PASSWORD))
        assert running.clients[0].heard[-1].startswith(b"AUTH PLAIN")
    assert outcomes(handed) == [("deferred", 451)]
    assert isinstance(handed.error, Disconnected)


def test_a_target_with_a_credential_needs_one() -> None:
    target = SmarthostTarget("hub", (Smarthost("mail.example"),), credential="relay")
    with pytest.raises(ValueError, match="credential relay"):
        SmtpTransport(target)
