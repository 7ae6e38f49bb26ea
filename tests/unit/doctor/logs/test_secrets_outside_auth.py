"""Secrets in a paste that is not a session: written in many ways, shown in none."""

import base64
import json

import pytest

from gatepost.doctor.conclude import diagnose_evidence
from gatepost.doctor.diagnosis_document import report_document
from gatepost.doctor.logs.read_log import read_log
from gatepost.doctor.terminal_report import render
from tests.examples import share

S = "Tr0ub4dor.Zx9~kQ"
TOLD = [
    f"My password is {S} and it fails with 535 5.7.3",
    f'the password "{S}" works in Outlook',
    f"SMTP Password (decoded): {S}",
    f"pass phrase: {S}",
    f"|password|{S}|",
    f"password -> {S}",
    f"auth_password {S}",
    f"apikey {S}",
    f"mot de passe : {S}",
    f"contraseña: {S}",
    f"пароль: {S}",
    f"密码是{S}",
    f"SharedKey {S}",
    f"https://x.example/?sv=1&sig={S}",
    f"smtps://{S}@mail.contoso.org",
    f"login ann@contoso.org {S}",
    f'credentials = ("ann@contoso.org", "{S}")',
    f"echo -n {S} | base64",
    f'base64_encode("{S}")',
]
WORDS = [
    "535-5.7.8 Username and Password not accepted. For more information, go to",
    "password authentication failed for user ann",
    "AADSTS7000215: Invalid client secret provided.",
]


@pytest.mark.parametrize("text", TOLD)
def test_it_is_struck_out_and_so_is_its_base64(text: str) -> None:
    encoded = base64.b64encode(S.encode()).decode().rstrip("=")
    diagnosis = diagnose_evidence(read_log(f"{text}\n535 5.7.3 no: {S} {encoded}\n"))
    shown = json.dumps(report_document(diagnosis)) + render(diagnosis)
    assert S not in shown
    assert encoded not in shown


@pytest.mark.parametrize("text", WORDS)
def test_text_about_secrets_is_kept(text: str) -> None:
    diagnosis = diagnose_evidence(read_log(text))
    assert text in json.dumps(report_document(diagnosis))


@pytest.mark.parametrize(
    "line",
    ['client.AuthenticationMechanisms.Remove("XOAUTH2");', 'AuthType = "XOAUTH2"'],
)
def test_a_mechanism_is_no_secret_elsewhere(line: str) -> None:
    seen = read_log(f"{line}\nC: AUTH XOAUTH2 abcd\nS: 535 5.7.3 Authentication unsuccessful")
    assert [each.mechanism for each in seen.auth.value or ()] == ["XOAUTH2"]


LONG = "correct.Horse-battery~staple_and-4-words.more"
SESSIONS = [
    "send: 'AUTH PLAIN {plain}\\r\\n'\nreply: b'535 5.7.8 no\\r\\n'",
    "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: YW5u\nS: 334 UGFzc3dvcmQ6\nC: {bare}\nS: 535 5.7.8 no",
    "05 10:00:00 CLIENT -> SERVER: AUTH XOAUTH2 {token}\n05 10:00:01 SERVER -> CLIENT: 535 no",
    "AUTH XOAUTH2\n334\n{token}\n535 5.7.3 no\nQUIT",
]


@pytest.mark.parametrize(("number", "session"), [*enumerate(SESSIONS)])
@pytest.mark.parametrize("quote", ["", "> "])
def test_base64_that_was_broken_into_lines_at_any_place(
    number: int, session: str, quote: str
) -> None:
    """By a terminal's width, a mail or an editor."""
    bare, plain, token = (
        base64.b64encode(each.encode()).decode()
        for each in (LONG, f"\0ann\0{LONG}", f"user=ann\1auth=Bearer {LONG}\1\1")
    )
    text = session.format(bare=bare, plain=plain, token=token)
    for width in share(range(36, 90), number):
        lines = (
            line[at : at + width]
            for line in text.split("\n")
            for at in range(0, max(1, len(line)), width)
        )
        evidence = read_log("\n".join(f"{quote}{line}" for line in lines))
        shown = json.dumps(report_document(diagnose_evidence(evidence)))
        for blob in (bare, plain, token):
            assert not any(blob[at : at + 14] in shown for at in range(12, len(blob) - 14, 7)), (
                width
            )
