"""The doctor against ``gatepost up``: the typical failure, and the causes behind its 535."""

from collections.abc import Iterator

import pytest

from gatepost.doctor import Checks, Settings, diagnose
from gatepost.model.evidence import TlsMode
from gatepost.model.finding import Diagnosis
from gatepost.testing import Emulator


@pytest.fixture(scope="module")
def relay() -> Iterator[Emulator]:
    with Emulator() as it:
        yield it


def visit(
    relay: Emulator, library: str = "", tls: TlsMode = "auto", password: str = "", sender: str = ""
) -> Diagnosis:
    login = (relay.username, password) if password else (None, None)
    settings = Settings(library, tls, relay.ca_file)
    checks = Checks(sender, ("someone@example.net",) if sender else ())
    return diagnose(f"localhost:{relay.smtp.port}", *login, settings=settings, checks=checks)


def ids(diagnosis: Diagnosis) -> list[str]:
    return [finding.id for finding in diagnosis.findings]


def test_go_cannot_sign_in(relay: Emulator) -> None:
    seen = visit(relay, "go-net-smtp")
    assert (seen.verdict, ids(seen)) == ("finding", ["mechanism_not_offered"])
    cause = seen.findings[0]
    assert cause.confidence == "certain"
    assert "AUTH PLAIN was answered 504 5.7.4 Unrecognized authentication type" in cause.proof
    assert "func LoginAuth" in (cause.remedies[0].code or "")
    assert seen.evidence.provider == "acs"


@pytest.mark.parametrize(
    "library", ["python-smtplib", "aiosmtplib", "django", "nodemailer", "mailkit", "curl"]
)
def test_others_can(relay: Emulator, library: str) -> None:
    assert visit(relay, library).verdict == "healthy"


def test_the_right_password_signs_in_once(relay: Emulator) -> None:
    seen = visit(relay, password=relay.password, sender=relay.sender)
    assert seen.verdict == "healthy"
    [attempt] = seen.evidence.attempts
    assert (attempt.mechanism, attempt.reply.code) == ("LOGIN", 235)
    assert [line.text for line in seen.evidence.transcript if line.text.startswith("DATA")] == []


def test_a_wrong_password(relay: Emulator) -> None:
    seen = visit(relay, password="not-it")
    assert ids(seen) == ["bad_credentials"]
    assert "AADSTS7000222" in seen.next_probe


def test_the_secret_id_in_place_of_the_secret(relay: Emulator) -> None:
    seen = visit(relay, password="1b505391-c72a-4b76-be3f-e648447f9364")
    assert ids(seen)[0] == "wrong_credential_kind"


def test_a_domain_that_is_not_linked(relay: Emulator) -> None:
    seen = visit(relay, password=relay.password, sender="me@elsewhere.example")
    assert ids(seen) == ["sender_domain_not_linked"]


def test_the_wrong_kind_of_tls(relay: Emulator) -> None:
    assert ids(visit(relay, tls="implicit")) == ["implicit_tls_on_starttls_port"]
    settings = Settings(tls="starttls", ca_file=relay.ca_file)
    other = diagnose(f"localhost:{relay.smtps.port}", settings=settings)
    assert ids(other) == ["starttls_on_implicit_tls_port"]
    assert ids(visit(relay, "python-smtplib", "none")) == ["starttls_required"]


def test_an_untrusted_certificate_prevents_the_sign_in(relay: Emulator) -> None:
    seen = diagnose(f"localhost:{relay.smtp.port}", relay.username, relay.password)
    assert ids(seen) == ["cert_untrusted"]
    assert seen.evidence.attempts == ()
