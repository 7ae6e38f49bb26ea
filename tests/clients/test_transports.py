"""Our transports against our Communication Services: SMTP and REST; keys, passwords, tokens."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterator
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from gatepost.client.http_sign_in import AccessKeySignIn, BearerSignIn, HttpSignIn
from gatepost.client.smtp_sign_in import CredentialSource, PasswordSignIn, TokenSignIn
from gatepost.client.tokens.entra import EntraApplication, EntraSecret
from gatepost.client.tokens.renewing_cache import TokenCache
from gatepost.diagnosis.client_errors import finding_of
from gatepost.model.body import BytesBody
from gatepost.model.delivery import Lease
from gatepost.model.route import AcsRestTarget, ServerAddress, Smarthost, SmarthostTarget
from gatepost.model.secret import Secret
from gatepost.net.http_client import HttpClient
from gatepost.queue.attempt_result import AttemptResult
from gatepost.relay.transport.acs_rest import SCOPE, AcsRestTransport
from gatepost.relay.transport.connection_opener import Opener
from gatepost.relay.transport.contract import Transport
from gatepost.relay.transport.smtp import Sending, SmtpTransport
from gatepost.testing import Emulator
from tests.leases import TRACE, lease, outcomes

OPTIONS = ("--https", "127.0.0.1:0", "--http", "off")


@pytest.fixture(scope="module")
def service() -> Iterator[Emulator]:
    with Emulator(options=OPTIONS, settings={"api.running": 0.2}) as relay:
        yield relay


class World:
    """What transports need to know of one emulator."""

    def __init__(self, service: Emulator) -> None:
        self.service = service
        self.http = HttpClient(ca_file=service.ca_file)
        self.tokens = TokenCache()

    def source(self, secret: str = "") -> EntraSecret:
        ready = self.service.ready
        application = EntraApplication(ready["tenant_id"], ready["client_id"], ready["authority"])
        return EntraSecret(self.http, application, lambda: Secret(secret or ready["client_secret"]))

    def bearer(self, secret: str = "") -> HttpSignIn:
        return BearerSignIn(self.tokens, self.source(secret), SCOPE)

    def access_key(self, key: str = "") -> HttpSignIn:
        known = self.service.ready["connection_string"].partition("accesskey=")[2]
        return AccessKeySignIn("key", lambda: Secret(key or known))

    def rest(self, sign_in: HttpSignIn) -> AcsRestTransport:
        endpoint = self.service.ready["https"]["url"]
        return AcsRestTransport(AcsRestTarget("acs", endpoint, "c"), self.http, sign_in)

    def smtp(self, sign_in: CredentialSource, mechanisms: tuple[str, ...] = ()) -> SmtpTransport:
        smtp = self.service.smtp
        target = SmarthostTarget(
            "acs", (Smarthost("localhost", smtp.port),), ca_file=self.service.ca_file,
            credential="c", mechanisms=mechanisms,
        )  # fmt: skip
        return SmtpTransport(target, sign_in, Sending(Opener()))

    async def hand(self, transport: Transport, given: Lease, content: bytes) -> AttemptResult:
        smtp = self.service.smtp
        server = ServerAddress("localhost", smtp.port, "127.0.0.1")
        deadline = asyncio.get_running_loop().time() + 20
        return await transport.deliver(given, BytesBody(content), server, deadline)


def play(service: Emulator, act: Callable[[World], Awaitable[None]]) -> None:
    async def run() -> None:
        world = World(service)
        try:
            await act(world)
        finally:
            await world.tokens.close()
            await world.http.close()

    asyncio.run(run())


def letter(service: Emulator, to: str, sender: str = "", file: bytes = b"%PDF-1.7") -> bytes:
    message = EmailMessage()
    message["From"] = sender or service.sender
    message["To"] = to
    message["Subject"] = "Über alles Mögliche"
    message["X-Trace"] = "a b"
    message.set_content("plain, mit Grüßen\n", cte="quoted-printable")
    message.add_alternative('<img src="cid:logo">', subtype="html")
    html = message.get_payload(1)
    assert isinstance(html, EmailMessage)
    html.add_related(b"\x89PNG\r\n", "image", "png", cid="<logo>", filename="logo.png")
    message.add_attachment(file, "application", "pdf", filename="März.pdf")
    return message.as_bytes(policy=SMTP)


@pytest.mark.parametrize("how", ["access key", "token"])
def test_over_rest(service: Emulator, how: str) -> None:
    to = f"rest-{how.replace(' ', '')}@example.net"

    async def act(world: World) -> None:
        sign_in = world.access_key() if how == "access key" else world.bearer()
        given = lease(to, "hidden@example.net", sender=service.sender, id=f"r{how}")
        handed = await world.hand(world.rest(sign_in), given, letter(service, to))
        assert outcomes(handed) == [("delivered", 250), ("delivered", 250)]
        assert handed.attempt.phase == "content"

    play(service, act)
    captured = service.wait(to)
    assert captured.subject == "Über alles Mögliche"
    assert set(captured.rcpt_to) == {to, "hidden@example.net"}
    parsed = captured.parse()
    assert (parsed["x-trace"], parsed["bcc"]) == ("a b", None)
    text, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().strip() == "plain, mit Grüßen"
    files = {
        part.get_filename(): part.get_content() for part in parsed.walk() if part.get_filename()
    }
    assert files == {"logo.png": b"\x89PNG\r\n", "März.pdf": b"%PDF-1.7"}


def test_a_repeated_request_is_sent_once(service: Emulator) -> None:
    to = "once@example.net"

    async def act(world: World) -> None:
        transport = world.rest(world.access_key())
        for attempts in (0, 0, 1):
            given = lease(to, sender=service.sender, id="once", attempts=attempts)
            handed = await world.hand(transport, given, letter(service, to))
            assert outcomes(handed) == [("delivered", 250)]

    play(service, act)
    assert len([each for each in service.messages() if to in each.rcpt_to]) == 1


@pytest.mark.parametrize(
    ("case", "outcome", "phase", "slug"),
    [
        ("wrong key", "deferred", "auth", ""),
        ("no key at all", "deferred", "auth", ""),
        ("wrong secret", "deferred", "auth", "oauth_client_auth_failed"),
        ("unlinked domain", "failed", "content", "sender_domain_not_linked"),
        ("unknown sender", "failed", "content", "sender_not_authorised"),
        ("too many recipients", "failed", "content", ""),
        ("too large", "failed", "content", ""),
    ],
)
def test_refusals_over_rest(
    service: Emulator, case: str, outcome: str, phase: str, slug: str
) -> None:
    domain = service.sender.partition("@")[2]
    senders = {"unlinked domain": "a@elsewhere.example", "unknown sender": f"nobody@{domain}"}
    sender = senders.get(case, service.sender)
    people = [f"p{number}@example.net" for number in range(51)]
    to = people if case == "too many recipients" else ["ann@example.net"]
    size = 8_000_000 if case == "too large" else 1
    content = letter(service, ", ".join(to), sender, bytes(size))

    async def act(world: World) -> None:
        sign_ins = {
            "wrong key": world.access_key(base64.b64encode(b"wrong").decode()),
            "no key at all": world.access_key("not Base64"),
            "wrong secret": world.bearer("wr0ng"),
        }
        sign_in = sign_ins.get(case) or world.access_key()
        given = lease(*to, sender=sender, id=case)
        handed = await world.hand(world.rest(sign_in), given, content)
        assert {each.kind for each in handed.verdicts} == {outcome}
        assert handed.attempt.phase == phase
        assert handed.error is not None
        assert finding_of(handed.error) == slug
        assert "wr0ng" not in f"{handed}"

    play(service, act)


@pytest.mark.parametrize(
    ("how", "mechanism"), [("password", "LOGIN"), ("token", "XOAUTH2"), ("wrong", "")]
)
def test_over_smtp(service: Emulator, how: str, mechanism: str) -> None:
    to = f"smtp-{how}@example.net"
    content = letter(service, to)

    async def act(world: World) -> None:
        by_token = TokenSignIn(service.username, world.tokens, world.source(), SCOPE)
        password = service.password if how == "password" else "wr0ng"
        sign_in = (
            by_token
            if how == "token"
            else PasswordSignIn(service.username, lambda: Secret(password))
        )
        transport = world.smtp(sign_in, ("XOAUTH2",) if how == "token" else ())
        given = lease(to, sender=service.sender)
        handed = await world.hand(transport, given, content)
        await transport.close()
        if how == "wrong":
            assert outcomes(handed) == [("deferred", 535)]
            assert handed.evidence is not None
            assert handed.evidence.offered == ("LOGIN",)
            return
        assert outcomes(handed) == [("delivered", 250)]
        contact = handed.attempt.contact
        assert (contact.mechanism, contact.verified) == (mechanism, True)
        assert contact.tls.startswith("TLSv1.3")

    play(service, act)
    if mechanism:
        assert service.wait(to).content == TRACE + content
