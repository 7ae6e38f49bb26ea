"""Every fault of a client that a recorded session shows: the cause comes first."""

import base64
from dataclasses import replace

import pytest

from gatepost.doctor.conclude import diagnose_evidence
from gatepost.model.evidence import seen
from tests.unit.doctor.recording.playing import Said, diagnosed, played


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


GREETING: Said = ("S", "220 mail.example.com ESMTP")


def ehlo(*offered: str) -> list[Said]:
    lines = ["mail.example.com", *offered]
    said = [f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"]
    return [("C", "EHLO app.example.org"), *(("S", line) for line in said)]


def under_tls(*offered: str) -> list[Said]:
    """Greeting, STARTTLS and EHLO again, with what is offered then."""
    return [
        GREETING, *ehlo("STARTTLS"), ("C", "STARTTLS"), ("S", "220 go ahead"), ("T", ""),
        *ehlo(*offered),
    ]  # fmt: skip


LOGIN = under_tls("AUTH LOGIN", "SIZE 1000")
PLAIN = under_tls("AUTH PLAIN LOGIN", "SIZE 1000")
QUIT: list[Said] = [("C", "QUIT"), ("S", "221 bye")]
SECRET = "correct horse battery staple and a good deal more of it, so that base64 has two lines"
BLOB = b64(f"\0ann@example.org\0{SECRET}")
REFUSED: Said = ("S", "535 5.7.8 Error: authentication failed")
SIGNED_IN: list[Said] = [
    *PLAIN, ("C", f"AUTH PLAIN {BLOB}"), ("S", "235 2.7.0 ok"),
    ("C", "MAIL FROM:<ann@example.org>"), ("S", "250 ok"),
    ("C", "RCPT TO:<bob@example.net>"), ("S", "250 ok"), ("C", "DATA"), ("S", "354 go"),
]  # fmt: skip
MESSAGE = b"From: ann@example.org\r\nSubject: x\r\n\r\nhello\r\n.\r\n"

FAULTS: dict[str, tuple[str, list[Said]]] = {
    "no EHLO behind STARTTLS": (
        "client_no_ehlo_after_starttls",
        [GREETING, *ehlo("STARTTLS"), ("C", "STARTTLS"), ("S", "220 go"), ("T", ""),
         ("C", f"AUTH PLAIN {BLOB}"), ("S", "503 5.5.1 EHLO first")],
    ),
    "PLAIN, and only LOGIN is offered": (
        "mechanism_not_offered",
        [*LOGIN, ("C", f"AUTH PLAIN {BLOB}"), ("S", "504 5.7.4 Unrecognized authentication type")],
    ),
    "not base64": (
        "credentials_not_base64",
        [*LOGIN, ("C", "AUTH LOGIN"), ("S", "334 VXNlcm5hbWU6"), ("C", "ann@example.org"),
         ("S", "535 5.7.8 invalid base64")],
    ),
    "base64 without its padding": (
        "credentials_not_base64",
        [*LOGIN, ("C", "AUTH LOGIN"), ("S", "334 VXNlcm5hbWU6"), ("C", b64("ann@some.org1")[:-2]),
         ("S", "501 5.5.2 cannot decode")],
    ),
    "base64 twice": (
        "credentials_not_base64",
        [*PLAIN, ("C", f"AUTH PLAIN {b64(BLOB)}"), REFUSED],
    ),
    "base64 cut into lines at once": (
        "base64_line_wrapped",
        [*PLAIN, ("C", f"AUTH PLAIN {BLOB[:76]}\r\n{BLOB[76:]}\r\n".encode()), REFUSED,
         ("S", "500 5.5.2 unrecognized command")],
    ),
    "base64 cut into lines, the second behind the refusal": (
        "base64_line_wrapped",
        [*PLAIN, ("C", f"AUTH PLAIN {BLOB[:76]}"), REFUSED, ("C", BLOB[76:]),
         ("S", "500 5.5.2 unrecognized command")],
    ),
    "a password cut into lines": (
        "base64_line_wrapped",
        [*LOGIN, ("C", "AUTH LOGIN"), ("S", "334 VXNlcm5hbWU6"), ("C", b64("ann")),
         ("S", "334 UGFzc3dvcmQ6"), ("C", b64(SECRET)[:60]), ("C", b64(SECRET)[60:]), REFUSED,
         ("S", "500 what?")],
    ),
    "a name cut into lines, ahead of the prompt for the password": (
        "base64_line_wrapped",
        [*LOGIN, ("C", "AUTH LOGIN"), ("S", "334 VXNlcm5hbWU6"),
         ("C", f"{b64('a' * 90)[:76]}\r\n{b64('a' * 90)[76:]}\r\n".encode()),
         ("S", "334 UGFzc3dvcmQ6"), ("S", "535 5.7.3 Authentication unsuccessful")],
    ),
    "a password with its file's line end": (
        "credential_mangled_by_config",
        [*LOGIN, ("C", "AUTH LOGIN"), ("S", "334 VXNlcm5hbWU6"), ("C", b64("ann@example.org")),
         ("S", "334 UGFzc3dvcmQ6"), ("C", b64(f"{SECRET}\n")), REFUSED],
    ),
    "a user name with its file's line end": (
        "credential_mangled_by_config",
        [*PLAIN, ("C", "AUTH PLAIN " + b64(f"\0ann@example.org\r\n\0{SECRET}")), REFUSED],
    ),
    "a token that the server takes, unlisted, and refuses": (
        "bad_credentials",
        [*LOGIN, ("C", "AUTH XOAUTH2 " + b64("user=ann@example.org\1auth=Bearer opaque\1\1")),
         ("S", "535 5.7.3 Authentication unsuccessful")],
    ),
    "an authzid": (
        "authzid_not_permitted",
        [*under_tls("AUTH PLAIN"), ("C", "AUTH PLAIN " + b64("ann\0ann\0pw")),
         ("S", "535 5.7.8 not authorized to act as ann")],
    ),
    "PLAIN without its NULs": (
        "client_sasl_bug", [*PLAIN, ("C", f"AUTH PLAIN {b64('ann:secret-of-ann')}"), REFUSED],
    ),
    "neither name nor password": (
        "unwanted_auth_attempt",
        [*LOGIN, ("C", "AUTH LOGIN"), ("S", "334 VXNlcm5hbWU6"), ("C", ""),
         ("S", "334 UGFzc3dvcmQ6"), ("C", ""), REFUSED],
    ),
    "no password": (
        "empty_password_sent",
        [*LOGIN, ("C", "AUTH LOGIN"), ("S", "334 VXNlcm5hbWU6"), ("C", b64("ann")),
         ("S", "334 UGFzc3dvcmQ6"), ("C", ""), REFUSED],
    ),
    "credentials were never set": ("credentials_missing", [*PLAIN, *QUIT]),
    "it is set to PLAIN, and leaves without a word": ("mechanism_not_offered", [*LOGIN, *QUIT]),
    "TLS on a port that begins in clear": (
        "implicit_tls_on_starttls_port",
        [GREETING, ("C", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"), ("S", "500 what?")],
    ),
    "HTTP": (
        "client_speaks_http",
        [GREETING, ("C", "GET /?token=abc HTTP/1.1"), ("C", "Authorization: Basic YWJjOmRlZg=="),
         ("S", "500 5.5.1 unknown command")],
    ),
    "LF alone behind commands": (
        "bare_lf", [GREETING, ("C", b"EHLO app\n"), ("S", "500 5.5.2 bare LF")],
    ),
    "LF alone in the message, refused": (
        "bare_lf",
        [*SIGNED_IN, ("C", MESSAGE.replace(b"Subject: x\r\n", b"Subject: x\n")),
         ("S", "550 5.6.11 SMTPSEND.BareLinefeedsAreIllegal")],
    ),
    "LF alone in the message, taken": (
        "bare_lf",
        [*SIGNED_IN, ("C", MESSAGE.replace(b"Subject: x\r\n", b"Subject: x\n")), ("S", "250 ok"),
         *QUIT],
    ),
    "commands ahead of replies": (
        "pipelining_not_offered",
        [GREETING, *ehlo("SIZE 1000"),
         ("C", b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n"),
         ("S", "250 ok"), ("S", "503 5.5.0 improper use of pipelining")],
    ),
    "commands ahead of the greeting": (
        "pipelining_not_offered",
        [("C", "EHLO app"), ("S", "554 SMTP synchronization error")],
    ),
    "MAIL before AUTH": (
        "auth_not_performed",
        [*PLAIN, ("C", "MAIL FROM:<ann@example.org>"), ("S", "530 5.7.0 Authentication required"),
         ("C", f"AUTH PLAIN {BLOB}"), ("S", "503 5.5.1 not now")],
    ),
    "no AUTH": (
        "auth_not_performed",
        [*PLAIN, ("C", "MAIL FROM:<ann@example.org>"), ("S", "530 5.7.57 Not authenticated")],
    ),
    "a command in the middle of a reply": (
        "client_reply_desync",
        [GREETING, ("C", "EHLO app"), ("S", "250-mail.example.com"),
         ("C", "MAIL FROM:<ann@example.org>"), ("S", "250-SIZE 1000"),
         ("C", "RCPT TO:<b@example.net>"), ("S", "250 8BITMIME"), ("S", "250 ok"), ("S", "250 ok")],
    ),
    "the message without waiting for 354": (
        "client_reply_desync",
        [*under_tls("PIPELINING"), ("C", "MAIL FROM:<ann@example.org>"), ("S", "250 ok"),
         ("C", b"RCPT TO:<nobody@example.net>\r\nDATA\r\n" + MESSAGE),
         ("S", "550 5.1.1 no such user"), ("S", "503 5.5.1 no recipients"), ("S", "500 what?")],
    ),
    "it leaves behind the greeting": ("client_left_after_greeting", [GREETING]),
    "it says QUIT behind the greeting": ("client_left_after_greeting", [GREETING, *QUIT]),
    "HELO": (
        "client_skipped_ehlo",
        [GREETING, ("C", "HELO app"), ("S", "250 mail"), ("C", "MAIL FROM:<a@example.org>"),
         ("S", "530 5.7.0 Authentication required")],
    ),
    "EHLO behind AUTH": (
        "ehlo_after_auth_resets_session",
        [*PLAIN, ("C", f"AUTH PLAIN {BLOB}"), ("S", "235 ok"), *ehlo("AUTH PLAIN"),
         ("C", "MAIL FROM:<ann@example.org>"), ("S", "502 5.7.0 Please authenticate first")],
    ),
    "it stays in clear": (
        "starttls_required",
        [GREETING, *ehlo("STARTTLS"), ("C", "MAIL FROM:<ann@example.org>"),
         ("S", "530 5.7.0 Must issue a STARTTLS command first")],
    ),
    "it leaves in clear": ("starttls_required", [GREETING, *ehlo("STARTTLS"), *QUIT]),
    "it will not say its password in clear": (
        "auth_before_tls_refused_by_client", [GREETING, *ehlo("AUTH PLAIN"), *QUIT],
    ),
    "no sender": (
        "envelope_sender_missing",
        [*PLAIN, ("C", f"AUTH PLAIN {BLOB}"), ("S", "235 ok"), ("C", "MAIL FROM:<>"),
         ("S", "550 5.7.60 not allowed to send as this sender")],
    ),
    "the login as the sender": (
        "account_name_used_as_sender",
        [*PLAIN, ("C", f"AUTH PLAIN {BLOB}"), ("S", "235 ok"), ("C", "MAIL FROM:<apikey>"),
         ("S", "501 5.1.7 Invalid address")],
    ),
    "too large": (
        "too_large",
        [*SIGNED_IN, ("C", b"From: a\r\n\r\n" + b"x" * 800 + b"\r\n" + b"y" * 800 + b"\r\n.\r\n"),
         ("S", "552 5.3.4 Error: message file too big")],
    ),
    "long lines": (
        "line_too_long",
        [*under_tls(), *SIGNED_IN[len(PLAIN) :],
         ("C", b"From: a\r\n\r\n" + b"x" * 2000 + b"\r\n.\r\n"), ("S", "500 5.5.2 Line too long")],
    ),
    "no From": (
        "missing_from_header",
        [*SIGNED_IN, ("C", b"Subject: x\r\n\r\nhello\r\n.\r\n"),
         ("S", "550 5.7.1 From header missing")],
    ),
    "8-bit headers": (
        "raw_utf8_headers",
        [*SIGNED_IN, ("C", "From: a\r\nSubject: Grüße\r\n\r\nhello\r\n.\r\n".encode()),
         ("S", "550 5.6.0 invalid characters in header")],
    ),
    "another user than the token's": (
        "oauth_wrong_identity",
        [*under_tls("AUTH XOAUTH2"),
         ("C", "AUTH XOAUTH2 " + b64("user=shared@example.org\1auth=Bearer "
              + ".".join((b64('{"alg":"none"}').rstrip("="),
                          b64('{"upn":"ann@example.org"}').rstrip("="), "c2ln")) + "\1\1")),
         ("S", "535 5.7.3 Authentication unsuccessful")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_the_cause_comes_first(name: str) -> None:
    cause, session = FAULTS[name]
    diagnosis = diagnosed(session)
    assert [each.id for each in diagnosis.findings][:1] == [cause], diagnosis.findings
    assert diagnosis.verdict == "finding"


@pytest.mark.parametrize(
    ("alert", "cause", "sure"),
    [
        ("unknown_ca", "cert_untrusted", "certain"),
        ("bad_certificate", "cert_untrusted", "certain"),
        ("sealed alert", "cert_untrusted", "likely"),
        ("silent", "cert_untrusted", "likely"),
    ],
)
def test_a_client_that_does_not_trust(alert: str, cause: str, sure: str) -> None:
    _, evidence = played(under_tls()[:5], failure="TLS with the client failed")
    assert evidence.conduct.value is not None
    conduct = replace(evidence.conduct.value, tls_end=alert, authority="/data/ca.pem")
    diagnosis = diagnose_evidence(replace(evidence, conduct=seen(conduct)))
    assert (diagnosis.findings[0].id, diagnosis.findings[0].confidence) == (cause, sure)
    assert "/data/ca.pem" in diagnosis.findings[0].fix


HEALTHY: dict[str, list[Said]] = {
    "a message": [*SIGNED_IN, ("C", MESSAGE), ("S", "250 ok"), *QUIT],
    "a message with pipelining": [
        *under_tls("PIPELINING", "AUTH PLAIN"), ("C", f"AUTH PLAIN {BLOB}"), ("S", "235 ok"),
        ("C", b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n"),
        ("S", "250 ok"), ("S", "250 ok"), ("S", "354 go"), ("C", MESSAGE + b"QUIT\r\n"),
        ("S", "250 ok"), ("S", "221 bye"),
    ],
    "a message in chunks": [
        *under_tls("CHUNKING", "PIPELINING"), ("C", "MAIL FROM:<a@example.org>"), ("S", "250 ok"),
        ("C", "RCPT TO:<b@example.net>"), ("S", "250 ok"),
        ("C", b"BDAT 13\r\nFrom: a\r\n\r\nhiBDAT 2 LAST\r\n\r\n"), ("S", "250 ok"), ("S", "250 ok"),
        *QUIT,
    ],
    "a login alone": [*PLAIN, ("C", f"AUTH PLAIN {BLOB}"), ("S", "235 ok"), *QUIT],
    "a second mechanism": [
        *under_tls("AUTH CRAM-MD5 PLAIN"), ("C", "AUTH CRAM-MD5"), ("S", "334 PDEyMz4="),
        ("C", b64("ann 0123456789abcdef0123456789abcdef")), REFUSED,
        ("C", f"AUTH PLAIN {BLOB}"), ("S", "235 ok"), *QUIT,
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_sessions_have_no_findings(name: str) -> None:
    diagnosis = diagnosed(HEALTHY[name])
    assert [each.id for each in diagnosis.findings] == []
    assert diagnosis.verdict == "healthy"


ODD = {
    "missing_from_header": b"Subject: x\r\n\r\nhello\r\n.\r\n",
    "line_too_long": b"From: a\r\n\r\n" + b"x" * 999 + b"\r\n.\r\n",
    "raw_utf8_headers": "From: a\r\nSubject: Grüße\r\n\r\nhello\r\n.\r\n".encode(),
}


@pytest.mark.parametrize("name", ODD)
def test_a_fault_that_the_server_accepted_is_a_note(name: str) -> None:
    diagnosis = diagnosed([*SIGNED_IN, ("C", ODD[name]), ("S", "250 ok"), *QUIT])
    assert diagnosis.verdict == "healthy"
    assert [name in line for line in diagnosis.notes] == [True]
