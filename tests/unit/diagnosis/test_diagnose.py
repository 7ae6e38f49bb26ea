"""DiagnosisVerdict, order, provider, notes."""

import base64
from dataclasses import replace
from datetime import timedelta

import pytest

from gatepost.diagnosis.causes import CAUSES
from gatepost.diagnosis.diagnose import diagnose, recognise
from gatepost.diagnosis.order_findings import rank
from gatepost.model.entra import TokenSeen
from gatepost.model.evidence import (
    Connect,
    DialoguePhase,
    Evidence,
    Fact,
    Greeting,
    Resolution,
    Target,
    TlsFirst,
    seen,
)
from gatepost.model.finding import Confidence, DiagnosisVerdict, Finding
from gatepost.model.profile import Profile
from gatepost.model.reply import Reply
from gatepost.model.transcript import Line
from gatepost.profiles import load_profile
from gatepost.sasl.oauth import encode_document
from tests.unit.diagnosis.cases import (
    GOOD,
    HEALTHY,
    NOW,
    attempt,
    but,
    client,
    hello,
    judged,
    login,
    mail,
    tls,
    tried,
)

ACS = replace(load_profile("acs"), ehlo_pattern=r"^ic3-[a-z]+ Hello \[")
NOWHERE = Evidence("probe", HEALTHY.target)

# fmt: off
VERDICTS: list[tuple[Evidence, DiagnosisVerdict]] = [
    (HEALTHY, "healthy"),
    (but(client=client("go-net-smtp"), over_tls=hello("AUTH LOGIN")), "finding"),
    (but(NOWHERE, resolution=Resolution(error="none")), "unreachable"),
    (but(NOWHERE, connects=(Connect("192.0.2.1", "refused"), Connect("::1", "timeout"))),
     "unreachable"),
    (but(failure="the server closed the connection"), "unknown"),
    (but(NOWHERE, connects=(Connect("192.0.2.1", "ok"),), greeting=Greeting()), "unknown"),
    (but(mail=mail("550 5.1.1 who?")), "unknown"),
    (but(login=login()), "unknown"),
    (but(client=client(), auth=tried(attempt("LOGIN", "550 5.7.1 not today"))), "unknown"),
    (but(client=client("go-net-smtp"), auth=tried(attempt("PLAIN", "501 5.5.4 no"))), "healthy"),
]
# fmt: on


@pytest.mark.parametrize(("evidence", "verdict"), VERDICTS)
def test_verdict(evidence: Evidence, verdict: DiagnosisVerdict) -> None:
    assert diagnose(evidence).verdict == verdict


def finding(
    id_: str, confidence: Confidence = "certain", position: DialoguePhase = "auth"
) -> Finding:
    return Finding(id_, confidence, "It is.", ("seen",), position, "Do.")


ORDERS = [
    ("strength", finding("bad_credentials"), finding("mechanism_not_offered", "likely")),
    ("strength before position", finding("bare_lf", position="data"),
     finding("rate_limited", "likely")),
    ("position", finding("cert_untrusted", position="tls"), finding("mechanism_not_offered")),
    ("EHLO after STARTTLS", finding("starttls_not_offered", position="starttls"),
     finding("auth_not_advertised", position="ehlo")),
    ("experience", finding("starttls_required"), finding("auth_not_advertised")),
    ("a special cause", finding("tls_intercepted"), finding("cert_hostname_mismatch")),
]  # fmt: skip


@pytest.mark.parametrize(("why", "first", "second"), ORDERS)
def test_rank(why: str, first: Finding, second: Finding) -> None:
    assert rank([second, first]) == rank([first, second]) == (first, second), why


def test_every_id_has_a_prior() -> None:
    assert min(cause.prior for cause in CAUSES.values()) >= 1


def test_the_deeper_cause_comes_first() -> None:
    """A client in clear whose mechanism is also missing: TLS is the first thing to mend."""
    seen = but(client=client("go-net-smtp", "none"), over_tls=hello("AUTH LOGIN"))
    ids = [each.id for each in diagnose(seen).findings]
    assert ids == ["starttls_required", "mechanism_not_offered"]


@pytest.mark.parametrize(
    ("evidence", "provider"),
    [
        (but(target=Target("SMTP.azurecomm.net.", 587)), "acs"),
        (but(over_tls=hello("AUTH LOGIN")), ""),
        (Evidence("log", in_clear=HEALTHY.in_clear), ""),
    ],
)
def test_recognise(evidence: Evidence, provider: str) -> None:
    assert recognise(evidence, [Profile("none"), ACS]) == provider


def test_a_provider_is_recognised_by_its_ehlo() -> None:
    in_clear = hello("STARTTLS")
    capabilities = in_clear.capabilities.__class__(greeting="ic3-pod Hello [192.0.2.1]")
    seen = but(in_clear=in_clear.__class__("me", in_clear.reply, capabilities))
    assert recognise(seen, [ACS]) == "acs"


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
@pytest.mark.parametrize("said", ["535 5.7.3 Authentication unsuccessful", ""])
def test_a_refused_token_is_not_called_a_password(mechanism: str, said: str) -> None:
    """A relay's evidence knows no more of the secret than the mechanism."""
    attempt = judged(mechanism, said or "535 no")
    if not said:
        attempt = replace(attempt, reply=Reply(0))
    refused = but(auth=tried(attempt), failure="" if said else "the server closed the connection")
    causes = diagnose(refused).findings
    assert causes
    for cause in causes:
        assert "token" in cause.summary
        assert "password" not in f"{cause.summary} {cause.fix} {cause.next_probe}"


def test_an_error_document_is_a_proof_in_words() -> None:
    """RFC 7628 4.3's: ``{"status":"invalid_token","scope":"example_scope"}``."""
    said = "334 eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJleGFtcGxlX3Njb3BlIn0="
    refused = replace(
        but(auth=tried(judged("OAUTHBEARER", "535 5.7.8 no"))),
        transcript=(Line("S", said, True), Line("C", "AQ==", True), Line("S", "334 e30", True)),
    )
    first = diagnose(refused).findings[0]
    assert first.proof[-1] == (
        "the server's error document: status invalid_token, scope example_scope"
    )


@pytest.mark.parametrize(
    ("status", "first"),
    [("invalid_token", "token_expired"), ("insufficient_scope", "oauth_scope_wrong"),
     ("401", "oauth_scope_wrong")],
)  # fmt: skip
def test_the_status_of_an_error_document_says_what_is_wrong(status: str, first: str) -> None:
    """RFC 6750 3.1. Google's are HTTP's, and say no more than that the token will not do."""
    said = f"334 {base64.b64encode(encode_document(status, 'mail')).decode()}"
    refused = replace(
        but(auth=tried(judged("OAUTHBEARER", "535 5.7.8 no"))), transcript=(Line("S", said, True),)
    )
    found = [each.id for each in diagnose(refused).findings]
    assert found[0] == first
    assert "oauth_scope_wrong" in found
    told = replace(refused, token=seen(TokenSeen("jwt")))  # of which the doctor sees the time
    lacks = "oauth_scope_wrong" in [each.id for each in diagnose(told).findings]
    assert lacks == (status == "insufficient_scope")


def test_a_refused_secret_at_acs_lists_what_it_may_be() -> None:
    seen = but(
        target=Target("smtp.azurecomm.net", 587),
        login=login("", "entra"),
        auth=tried(judged("LOGIN", "535 5.7.3 Authentication unsuccessful")),
    )
    diagnosis = diagnose(seen, [ACS])
    [cause] = diagnosis.findings
    assert (cause.id, cause.confidence) == ("bad_credentials", "likely")
    for candidate in ("expired", "Secret ID", "role", "SMTP user name", "resource name"):
        assert candidate in cause.fix
    assert "AADSTS7000222" in diagnosis.next_probe
    assert diagnosis.evidence.provider == "acs"


NOTES = [
    (but(over_tls=hello("AUTH LOGIN")), "Go net/smtp (PLAIN/CRAM-MD5)"),
    (but(client=client("javamail")), "stays in clear by default"),
    (but(client=client("go-net-smtp"), greeting=Greeting(None, 300.0), in_clear=Fact(),
         starttls=Fact(), tls_first=TlsFirst(True)), "implicit TLS"),
    (but(in_clear=hello("STARTTLS", "AUTH PLAIN")), "a listener could read passwords"),
    (but(connects=(Connect("::1", "refused"), Connect("127.0.0.1", "ok"))), "::1 did not accept"),
    (but(tls=tls(GOOD.__class__("s", "i", ("mail.example.com",), GOOD.not_before,
                                NOW + timedelta(days=5)))), "expires in 5 days"),
    (but(login=login(), tls=tls(verify_code=20)), "could not be verified"),
    (but(login=login(), tls=Fact(), over_tls=Fact()), "not encrypted"),
    (but(login=login(), auth=tried(judged("PLAIN", "250 fine"))), "only 235 means"),
]  # fmt: skip


@pytest.mark.parametrize(("evidence", "note"), NOTES)
def test_notes(evidence: Evidence, note: str) -> None:
    assert [line for line in diagnose(evidence).notes if note in line]


def test_an_unexplained_reply_is_a_note() -> None:
    seen = but(mail=mail("250 ok"), rcpt=(mail("550 5.2.0 no"),))
    assert "RCPT TO:<a@example.com> was answered 550 5.2.0 no" in diagnose(seen).notes


def test_a_named_library_is_a_finding_and_no_note() -> None:
    seen = but(client=client("go-net-smtp"), over_tls=hello("AUTH LOGIN"))
    assert [note for note in diagnose(seen).notes if "cannot sign in" in note] == []
