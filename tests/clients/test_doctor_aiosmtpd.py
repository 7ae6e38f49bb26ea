"""A real aiosmtpd, healthy and misconfigured in each way that it allows, and the findings."""

import asyncio
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from threading import Thread
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from gatepost.doctor import Checks
from tests.clients.doctored import (
    ENVELOPE,
    SENDING,
    SIGNED_IN,
    WRONG,
    Asked,
    Certificates,
    check,
    make_certificates,
)
from tests.event_loops import cut_connections

pytestmark = pytest.mark.filterwarnings(
    "ignore:ssl.TLSVersion", "ignore:Requiring AUTH", "ignore:Session.login_data"
)
KNOWN = LoginPassword(SIGNED_IN[0].encode(), SIGNED_IN[1].encode())


@dataclass(frozen=True)
class Variant:
    """One set-up: the arguments of aiosmtpd, and the replies of its handler."""

    options: dict[str, Any] = field(default_factory=dict)
    certificate: str = "good"
    starttls: bool = True
    implicit: bool = False
    versions: tuple[ssl.TLSVersion, ssl.TLSVersion] | None = None
    answers: dict[str, str] = field(default_factory=dict)
    """By command: a refusal; ``LOGIN``: what a right password is answered."""


class Handler:
    """Accepts everything that its variant does not refuse."""

    def __init__(self, answers: dict[str, str]) -> None:
        self.answers = answers

    async def handle_EHLO(
        self, _server: SMTP, session: Session, _envelope: Envelope, name: str, lines: list[str]
    ) -> list[str]:
        session.host_name = name
        if "EHLO" in self.answers and "." not in name:
            return [self.answers["EHLO"]]
        return lines

    async def handle_MAIL(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "MAIL" in self.answers:
            return self.answers["MAIL"]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        if "RCPT" in self.answers:
            return self.answers["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:
        return self.answers.get("DATA", "250 2.0.0 OK")


class Servers:
    """An event loop in a thread, and a server for each variant in it."""

    def __init__(self, certificates: Certificates) -> None:
        self.certificates = certificates
        self.loop = asyncio.new_event_loop()
        self.running: list[asyncio.Server] = []
        self.thread = Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def serve(self, variant: Variant) -> int:
        """Start a server and return its port."""
        future = asyncio.run_coroutine_threadsafe(self._serve(variant), self.loop)
        return future.result(30)

    async def _serve(self, variant: Variant) -> int:
        pair = self.certificates.named(variant.certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        if variant.versions:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version, context.maximum_version = variant.versions
        in_protocol = context if variant.starttls and not variant.implicit else None
        usual = {
            "require_starttls": in_protocol is not None, "auth_required": True,
            "authenticator": self._authenticator(variant), "hostname": "localhost",
        }  # fmt: skip
        options = {**usual, **variant.options}

        def connection() -> SMTP:
            return SMTP(Handler(variant.answers), tls_context=in_protocol, **options)

        around = context if variant.implicit else None
        server = await self.loop.create_server(connection, "127.0.0.1", 0, ssl=around)
        self.running.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    def _authenticator(self, variant: Variant) -> Any:
        def authenticate(
            _server: SMTP, _session: Session, _envelope: Envelope, mechanism: str, given: object
        ) -> AuthResult:
            answer = variant.answers.get(f"LOGIN {mechanism}") or variant.answers.get("LOGIN")
            if answer:
                return AuthResult(success=False, handled=False, message=answer)
            return AuthResult(success=given == KNOWN, handled=False)

        return authenticate

    async def _stop(self) -> None:
        for server in self.running:
            server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await cut_connections()

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self.loop).result(30)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def servers(certificates: Certificates) -> Iterator[Servers]:
    running = Servers(certificates)
    yield running
    running.stop()


def broken(*_given: object) -> AuthResult:
    raise ConnectionError("the directory does not answer")


HEALTHY = Variant()
OPEN = Variant({"auth_required": False, "auth_exclude_mechanism": ["PLAIN", "LOGIN"]})
IN_CLEAR = {"require_starttls": False, "auth_require_tls": False}
OLD = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
NEW = (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3)
AUDIT = Checks(audit=True, ports=())
CASES = [
    # nothing wrong
    ("healthy", HEALTHY, Asked(), ""),
    ("healthy, go", HEALTHY, Asked("go"), ""),
    ("healthy, .NET", HEALTHY, Asked("system-net-mail"), ""),
    ("healthy, signed in", HEALTHY, Asked(login=SIGNED_IN, checks=ENVELOPE), ""),
    ("healthy, sent", HEALTHY, Asked("smtplib", "starttls", SIGNED_IN, SENDING), ""),
    ("healthy, all", HEALTHY, Asked(login=SIGNED_IN, checks=Checks(try_all=True, ports=())), ""),
    ("healthy, audited", HEALTHY, Asked(checks=AUDIT), ""),
    ("healthy, implicit", Variant({"auth_require_tls": False}, implicit=True),
     Asked(tls="implicit", login=SIGNED_IN), ""),
    ("new TLS only", Variant(versions=NEW), Asked(login=SIGNED_IN), ""),
    # what is offered
    ("no AUTH", OPEN, Asked("smtplib"), "auth_not_advertised"),
    ("no AUTH needed", OPEN, Asked("smtplib", checks=ENVELOPE), "unwanted_auth_attempt"),
    ("LOGIN only", Variant({"auth_exclude_mechanism": ["PLAIN"]}), Asked("go"),
     "mechanism_not_offered"),
    ("PLAIN only", Variant({"auth_exclude_mechanism": ["LOGIN"]}), Asked("system-net-mail"),
     "client_lacks_mechanism"),
    ("AUTH over TLS only", HEALTHY, Asked("smtplib", "none"), "starttls_required"),
    ("AUTH forgotten under implicit TLS", Variant(implicit=True), Asked("smtplib"),
     "auth_not_advertised"),
    ("AUTH in clear, no TLS", Variant(IN_CLEAR, starttls=False), Asked(login=SIGNED_IN),
     "auth_before_tls_refused_by_client"),
    # TLS
    ("no STARTTLS", Variant(IN_CLEAR, starttls=False), Asked(tls="starttls"),
     "starttls_not_offered"),
    ("implicit TLS on the port", Variant(implicit=True), Asked(tls="starttls"),
     "starttls_on_implicit_tls_port"),
    ("STARTTLS on the port", HEALTHY, Asked(tls="implicit"), "implicit_tls_on_starttls_port"),
    ("old TLS only", Variant(versions=OLD), Asked(), "tls_version_too_old"),
    ("expired", Variant(certificate="expired"), Asked(login=SIGNED_IN), "cert_expired"),
    ("another name", Variant(certificate="misnamed"), Asked(), "cert_hostname_mismatch"),
    ("signed by itself", Variant(certificate="self_signed"), Asked(), "cert_untrusted"),
    ("private authority", HEALTHY, Asked(trusted=False), "cert_untrusted"),
    ("no intermediate", Variant(certificate="without_intermediate"), Asked(),
     "cert_chain_incomplete"),
    # refusals
    ("EHLO", Variant(answers={"EHLO": "501 5.5.4 Invalid domain name"}), Asked("go"),
     "helo_rejected"),
    ("password", HEALTHY, Asked(login=WRONG), "bad_credentials"),
    ("backend", Variant(answers={"LOGIN": "454 4.7.0 Temporary authentication failure"}),
     Asked(login=SIGNED_IN), "server_auth_backend_down"),
    ("backend, uncaught", Variant({"authenticator": broken}), Asked(login=SIGNED_IN),
     "server_auth_backend_down"),
    ("throttled", Variant(answers={"LOGIN": "454 4.7.0 Too many login attempts"}),
     Asked(login=SIGNED_IN), "auth_throttled"),
    ("application password", Variant(answers={"LOGIN": "534 5.7.9 Application-specific password "
                                              "required"}), Asked(login=SIGNED_IN),
     "app_password_required"),
    ("PLAIN broken", Variant(answers={"LOGIN PLAIN": "535 5.7.8 no"}),
     Asked(login=SIGNED_IN, checks=Checks(try_all=True, ports=())),
     "mechanism_advertised_but_broken"),
    ("no sign-in", HEALTHY, Asked(checks=ENVELOPE), "auth_not_performed"),
    ("sender", Variant(answers={"MAIL": "553 5.7.1 Sender address rejected: not owned by user"}),
     Asked(login=SIGNED_IN, checks=ENVELOPE), "sender_not_authorised"),
    ("greylisting", Variant(answers={"RCPT": "451 4.7.1 Greylisting in action, try again later"}),
     Asked(login=SIGNED_IN, checks=ENVELOPE), "greylisted"),
    ("size", Variant({"data_size_limit": 100}), Asked(login=SIGNED_IN, checks=SENDING),
     "too_large"),
    ("quota", Variant(answers={"DATA": "550 5.4.5 Daily sending quota exceeded"}),
     Asked(login=SIGNED_IN, checks=SENDING), "daily_quota_exceeded"),
    # holes
    ("passwords in clear", Variant({"auth_require_tls": False, "require_starttls": False}),
     Asked(checks=AUDIT), "auth_in_clear"),
    ("open relay", Variant({"auth_required": False}), Asked(checks=AUDIT), "open_relay"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("variant", "asked", "expected"), [pytest.param(*case[1:], id=case[0]) for case in CASES]
)
def test_the_true_cause_comes_first(
    servers: Servers, variant: Variant, asked: Asked, expected: str
) -> None:
    port = servers.serve(variant)
    check(asked.about(port, servers.certificates.authority.ca_file), expected)


def test_an_audit_alone_finds_a_hole(servers: Servers) -> None:
    """Without ``--audit``, the doctor does not look for holes in a server that works."""
    port = servers.serve(Variant({"auth_required": False}))
    asked = Asked()
    check(asked.about(port, servers.certificates.authority.ca_file), "")
    found = replace(asked, checks=AUDIT).about(port, servers.certificates.authority.ca_file)
    assert found.verdict == "finding"


def test_an_audit_lists_accepted_versions(servers: Servers) -> None:
    port = servers.serve(Variant(versions=NEW))
    found = Asked(checks=AUDIT).about(port, servers.certificates.authority.ca_file)
    taken = [each.version for each in found.evidence.tls_versions.value or () if each.taken]
    assert (found.verdict, taken) == ("healthy", ["TLSv1.3"])
    assert any("only TLS 1.3" in note for note in found.notes)
