"""Why sessions were refused: every reason of ours has a cause, and clients are recognised."""

import re

import pytest

from gatepost.diagnosis.causes import CAUSES
from gatepost.diagnosis.remedies.catalog import LIBRARIES
from gatepost.diagnosis.remedies.library import Placeholders
from gatepost.diagnosis.sessions import (
    cause_of,
    explain_refusal,
    offered_mechanisms,
    recognise_libraries,
    sentence_of,
)
from gatepost.model.session_record import SessionLine
from tests.syntax_trees import PACKAGE

SERVER = Placeholders("localhost", 2587)
_SLUGS = re.compile(r'(?:because\(\s*f?|Denial\(\s*)"([a-z][a-z0-9_]+)(?:: [a-z]|",)')
_TRUST = "the client does not accept our certificate: it does not know the authority (unknown ca)"
_CLEAR = "the client does not speak TLS, which this port requires from the start (wrong version)"
# fmt: off
CAUSES_OF = [
    ("auth", "535 5.7.3 Authentication unsuccessful", "secret_wrong: no", "bad_credentials"),
    ("auth", "535 5.7.3 Authentication unsuccessful", "role_missing: no", "role_missing"),
    ("auth", "504 5.7.4 Unrecognized", "AUTH CRAM-MD5 is not offered", "mechanism_not_offered"),
    ("auth", "530 5.7.0 Must issue STARTTLS", "AUTH before STARTTLS", "starttls_required"),
    ("auth", "535 5.7.3 no", "token_delegated: a person's", "oauth_wrong_identity"),
    ("auth", "535 5.7.3 no", "token_audience_wrong: x", "oauth_scope_wrong"),
    ("mail", "530 5.7.57 Client not authenticated", "MAIL without a sign-in", "auth_not_performed"),
    ("mail", "550 5.1.7 no", "header From: sender_not_registered: x", "sender_not_authorised"),
    ("mail", "452 4.5.3 Too many", "in answer to RCPT", ""),
    ("mail", "552 5.3.4 Too big", "9999 octets were announced", "too_large"),
    ("mail", "450 4.7.1 excessive message rate", "", "rate_limited"),
    ("tls", "", _TRUST, "cert_untrusted"),
    ("tls", "", _CLEAR, "starttls_on_implicit_tls_port"),
    ("connect", "421 4.7.0 Too many", "limits.connections or ... is reached", ""),
]
# fmt: on


@pytest.mark.parametrize(("phase", "reply", "reason", "cause"), CAUSES_OF)
def test_the_cause_of_a_refusal(phase: str, reply: str, reason: str, cause: str) -> None:
    assert cause_of(phase, reply, reason) == cause
    assert not cause or cause in CAUSES


def test_every_reason_of_the_directories_has_a_cause() -> None:
    texts = [path.read_text() for path in (PACKAGE / "directory").rglob("*.py")]
    slugs = {slug for text in texts for slug in _SLUGS.findall(text)}
    assert {"secret_wrong", "role_missing", "token_unknown"} <= slugs
    assert [each for each in sorted(slugs) if not cause_of("auth", "535 no", f"{each}: no")] == []


def test_a_reason_is_a_sentence() -> None:
    assert sentence_of("bad_credentials: the password is wrong") == "The password is wrong."
    assert sentence_of("AUTH before STARTTLS") == "AUTH before STARTTLS."
    assert sentence_of("") == ""


def lines(*said: str) -> list[SessionLine]:
    return [(0.0, "C" if each[0] == "C" else "S", each[3:].encode(), False, None) for each in said]


OFFER = "S: 250-mx\r\n250-SIZE 100\r\n250 AUTH LOGIN PLAIN\r\n"
# fmt: off
CLIENTS = [
    (["C: ehlo client.example", OFFER, "C: AUTH PLAIN [redacted]"], "python-smtplib"),
    (["C: EHLO client.example", OFFER, "C: AUTH PLAIN [redacted]"], "nodemailer"),
    (["C: EHLO [192.0.2.1]", OFFER, "C: AUTH PLAIN [redacted]"], "mailkit"),
    (["C: EHLO localhost", OFFER, "C: AUTH PLAIN [redacted]"], "go-net-smtp"),
]
# fmt: on


@pytest.mark.parametrize(("said", "name"), CLIENTS, ids=[row[1] for row in CLIENTS])
def test_a_client_is_recognised_by_what_it_does(said: list[str], name: str) -> None:
    alike = [each.name for each in recognise_libraries(lines(*said))]
    assert name in alike
    assert len(alike) < len(LIBRARIES)


def test_an_unknown_client_may_be_any() -> None:
    assert recognise_libraries(lines("C: NOOP")) == tuple(LIBRARIES.values())
    assert recognise_libraries([]) == tuple(LIBRARIES.values())
    assert offered_mechanisms(lines(OFFER)) == ("LOGIN", "PLAIN")


def test_the_fix_is_that_of_the_library() -> None:
    seen = lines("C: ehlo client.example", "C: AUTH PLAIN [redacted]")
    explanation = explain_refusal("starttls_required", "AUTH before STARTTLS", seen, SERVER)
    assert explanation.remedies[0].library == "python-smtplib"
    assert 'smtplib.SMTP("localhost", 2587' in (explanation.remedies[0].code or "")
    assert explain_refusal("", "nothing known", seen, SERVER).fix == ""
