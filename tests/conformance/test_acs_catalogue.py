"""Azure Communication Services, section 1.9: what people met in the field, its cause and its fix.

Every row of the catalogue is in ``CATALOGUE``: with the test that reproduces it here, or with
the place where it is tested or the reason why no server can reproduce it.
"""

import json
import smtplib
import ssl
import time
from collections.abc import Iterator
from typing import Any

import pytest

import gatepost
from gatepost.doctor import Checks, Settings, diagnose
from gatepost.model.finding import Diagnosis
from gatepost.testing import Emulator
from tests.commands import ask
from tests.conformance.acs_world import CUSTOM, SENDER, UNLINKED, Login, World, seed
from tests.conformance.conftest import SIGNED_IN, Acs
from tests.shell.peer import letter

REFUSED = "535 5.7.3 Authentication unsuccessful"
NOT_LINKED = "501 5.1.7 The specified sender domain has not been linked."
NOT_REGISTERED = "550 5.3.5 Email sender's username is invalid"
DELAY = 4

CATALOGUE = {
    "Go net/smtp PlainAuth: 504 5.7.4": "test_a_client_that_speaks_plain_only",
    "Go products with PlainAuth: 504 5.7.4": "test_a_client_that_speaks_plain_only",
    "PHPMailer with AuthType PLAIN: 504 5.7.4": "test_a_mechanism_that_is_forced",
    "Ruby with PLAIN only: 504": "test_a_client_that_speaks_plain_only",
    "MailKit, XOAUTH2 without SMTP Username or role: 535": "with XOAUTH2, in its own tests",
    "535 right after provisioning": "test_right_after_provisioning",
    "Supabase: wrong name, expired secret or no role: 535": "test_three_causes_of_one_535",
    "Supabase Studio wants an e-mail as user name": "test_a_user_name_that_is_an_address",
    ".NET: 5.1.7, a second domain that is not linked": "test_a_domain_that_is_not_linked",
    "JavaMail: 501 5.1.7": "test_501_is_permanent",
    "MailKit: 5.3.5, the login is not the sender": "test_a_sender_that_is_not_registered",
    "REST: Invalid email sender username": "with the REST API, in its own tests",
    "portal: MailFrom buttons greyed out": "out of reach: a page of the portal, not a reply",
    "450 4.5.127 Excessive message rate": "test_too_fast",
    "REST: 429 that lasts hours": "with the REST API, in its own tests",
    "550-5.7.1 of recipients in delivery reports": "with delivery events, in their own tests",
    "port 25 times out in Azure": "out of reach: the platform drops the packets; port_blocked "
    "is tested in tests/unit/diagnosis",
    "SDK: result() never returns": "with the REST API, in its own tests",
    "ARM: InvalidLinkedDomains": "with the management API, in its own tests",
}


def test_1_9_no_row_is_left_out() -> None:
    proofs = [proof for proof in CATALOGUE.values() if proof.startswith("test_")]
    assert [proof for proof in proofs if proof not in globals()] == []
    others = set(CATALOGUE.values()) - set(proofs)
    assert all(proof.startswith(("out of reach: ", "with ")) for proof in others)
    assert len(CATALOGUE) == 19


@pytest.fixture(scope="module")
def field_acs() -> Iterator[Acs]:
    """A relay on which the fixes are applied; what is new takes some seconds."""
    with Emulator(settings={"strict.propagation_delay": DELAY}) as relay:
        yield Acs(relay)


def run(acs: Acs, *arguments: str) -> Any:
    """What ``gatepost ARGUMENTS`` says of the relay's directory."""
    return json.loads(ask(acs.relay.data, *arguments, "--json"))


def visit(acs: Acs, library: str = "", login: Login | None = None, sender: str = "") -> Diagnosis:
    return diagnose(
        str(acs.relay.smtp),
        *((login.username, login.password) if login else (None, None)),
        settings=Settings(library, ca_file=acs.relay.ca_file),
        checks=Checks(sender, ("ann@example.net",) if sender else ()),
    )


def send(acs: Acs, login: Login, sender: str) -> None:
    content = b"To: ann@example.net\r\n" + letter(sender)
    tls = gatepost.Tls(ca_file=acs.relay.ca_file)
    gatepost.send(content, str(acs.relay.smtp), login.username, login.password, tls=tls)


@pytest.mark.parametrize("library", ["go-net-smtp", "ruby-net-smtp"])
def test_a_client_that_speaks_plain_only(acs: Acs, library: str) -> None:
    seen = visit(acs, library)
    [cause] = seen.findings
    assert (cause.id, cause.confidence) == ("mechanism_not_offered", "certain")
    assert "AUTH PLAIN was answered 504 5.7.4 Unrecognized authentication type" in cause.proof
    assert "LOGIN" in cause.fix
    assert [remedy.library for remedy in cause.remedies] == [library]


def test_a_mechanism_that_is_forced(acs: Acs) -> None:
    """PHPMailer left to itself chooses LOGIN; what forces PLAIN is answered as any PLAIN is."""
    assert visit(acs, "phpmailer").verdict == "healthy"
    context = ssl.create_default_context(cafile=acs.relay.ca_file)
    with smtplib.SMTP("localhost", acs.relay.smtp.port, timeout=60) as client:
        client.starttls(context=context)
        client.ehlo()
        client.user, client.password = acs.relay.username, acs.relay.password
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            client.auth("PLAIN", client.auth_plain)
    assert (refused.value.smtp_code, refused.value.smtp_error) == (
        504, b"5.7.4 Unrecognized authentication type",
    )  # fmt: skip


def test_right_after_provisioning(field_acs: Acs) -> None:
    """A script that makes everything and sends at once fails once; a moment later it works."""
    run(field_acs, "app", "create", "new")
    secret = run(field_acs, "secret", "create", "--in", "new")["value"]
    client_id = run(field_acs, "app", "show", "new")["id"]
    run(field_acs, "role", "assign", "Email Sender", "--to", "new", "--on", "gatepost")
    login = Login(f"gatepost.{client_id}.{field_acs.relay.ready['tenant_id']}", secret)
    answers = [_answer(field_acs, login)]
    deadline = time.monotonic() + DELAY + 10
    while answers[-1] == REFUSED and time.monotonic() < deadline:
        time.sleep(0.2)
        answers.append(_answer(field_acs, login))
    assert (answers[0], answers[-1]) == (REFUSED, SIGNED_IN)
    assert field_acs.relay.wait_event("auth_refused")["reason"].startswith("propagating: ")


def _answer(acs: Acs, login: Login) -> str:
    with acs.secured() as peer:
        return peer.login(login.username, login.password)


@pytest.mark.parametrize(
    ("case", "reason", "finding"),
    [
        ("resource name alone", "username_format", "smtp_username_missing"),
        ("one that has ended", "secret_expired", "bad_credentials"),
        ("only role_missing", "role_missing", "bad_credentials"),
    ],
)
def test_three_causes_of_one_535(acs: Acs, case: str, reason: str, finding: str) -> None:
    """Alike on the wire; the doctor knows one by the name, the operator's log names each."""
    login, before = acs.logins[case], len(acs.relay.events("auth_refused"))
    seen = visit(acs, login=login)
    assert [each.id for each in seen.findings] == list(dict.fromkeys((finding, "bad_credentials")))
    assert "AADSTS7000222" in seen.findings[-1].next_probe
    for cause in ("expired", "role", "SMTP user name"):
        assert cause in seen.findings[-1].fix
    assert acs.refusal(login, after=before)["reason"].startswith(f"{reason}: ")


def test_a_user_name_that_is_an_address(acs: Acs) -> None:
    login = acs.logins["printer@notify.contoso.com"]
    assert login.username == f"printer@{CUSTOM}"
    send(acs, login, SENDER)
    assert acs.relay.wait(to="ann@example.net").principal == login.username


@pytest.fixture(scope="module")
def two_domains(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Acs]:
    """An Email service with a domain that is linked and one that is not."""
    data = tmp_path_factory.mktemp("two") / "data"
    logins: dict[str, Login] = {}

    def build(world: World) -> None:
        logins["good"] = world.login()

    seed(data, build)
    with Emulator(data=data) as relay:
        yield Acs(relay, logins)


def test_a_domain_that_is_not_linked(two_domains: Acs) -> None:
    """Verified and of the same Email service, yet unlinked; linking it helps the same session."""
    sender = f"sales@{UNLINKED}"
    seen = visit(two_domains, login=two_domains.logins["good"], sender=sender)
    assert [each.id for each in seen.findings] == ["sender_domain_not_linked"]
    with two_domains.signed_in(two_domains.logins["good"]) as peer:
        assert peer.ask(f"MAIL FROM:<{sender}>") == NOT_LINKED
        run(two_domains, "resource", "link", "acs-demo", UNLINKED)
        assert peer.ask(f"MAIL FROM:<{sender}>").startswith("250 ")


def test_a_sender_that_is_not_registered(two_domains: Acs) -> None:
    """The name that signs in is not a sender; registering the local part helps at once."""
    sender = f"billing@{CUSTOM}"
    seen = visit(two_domains, login=two_domains.logins["good"], sender=sender)
    assert [each.id for each in seen.findings] == ["sender_not_authorised"]
    with two_domains.signed_in(two_domains.logins["good"]) as peer:
        assert peer.ask(f"MAIL FROM:<{sender}>") == NOT_REGISTERED
        run(two_domains, "sender", "create", "billing", "--in", CUSTOM)
        assert peer.ask(f"MAIL FROM:<{sender}>").startswith("250 ")


def test_501_is_permanent(acs: Acs) -> None:
    """An unusual code for it; clients must not try again, and ours says what it is."""
    with pytest.raises(gatepost.SenderRefused) as refused:
        send(acs, acs.logins["the value"], "me@example.com")
    assert (str(refused.value.reply), refused.value.slug) == (
        NOT_LINKED, "sender_domain_not_linked",
    )  # fmt: skip
    assert not refused.value.is_transient


def test_too_fast(strict_acs: Acs) -> None:
    """Seven mails in two seconds on an Azure-managed domain: the sixth is told to wait."""
    login = strict_acs.logins["catalogue"]
    for _ in range(5):
        send(strict_acs, login, SENDER)
    with pytest.raises(gatepost.ContentRefused) as refused:
        send(strict_acs, login, SENDER)
    assert (refused.value.reply.code, refused.value.slug) == (450, "rate_limited")
    assert refused.value.is_transient
