"""A long paste is cut before it is searched: what is kept, and that no secret is revealed."""

import base64
import json

import pytest

from gatepost.doctor.conclude import diagnose_evidence
from gatepost.doctor.logs import long_pastes
from gatepost.doctor.logs.log_format import MAX_LINE
from gatepost.doctor.logs.long_pastes import MARGIN, shortened
from gatepost.doctor.logs.read_log import read_log

MANY = 12_000
FILLER = [f"10:{number % 60:02} INFO cache {number} is warm, go on" for number in range(MANY)]
REFUSED = "smtplib.SMTPAuthenticationError: (535, b'5.7.3 Authentication unsuccessful')"
SECRET = "Tr0ub4dor-3-horse"
LONGEST = MAX_LINE + MARGIN


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less is read, so that a test can try many places."""
    monkeypatch.setattr(long_pastes, "BUDGET", long_pastes.PasteBudget(3_000, 8_000, 10_000))


def with_line(line: str, at: int) -> str:
    return "\n".join((*FILLER[:at], line, *FILLER[at:]))


@pytest.mark.thorough
@pytest.mark.parametrize("at", [0, 1, MANY // 3, MANY // 2, MANY - 1, MANY])
def test_a_failure_is_found_wherever_it_is(at: int) -> None:
    seen = read_log(with_line(REFUSED, at))
    assert seen.left_out > 100_000
    alone = diagnose_evidence(read_log(REFUSED)).findings
    assert diagnose_evidence(seen).findings[0].id == alone[0].id


def test_a_failure_is_found_in_one_long_line() -> None:
    session = "\n".join(("S: 220 a.example ESMTP", "C: EHLO me", "S: 250-a.example",
                         "S: 250 AUTH LOGIN", f"S: {REFUSED[34:]}", *FILLER, REFUSED))  # fmt: skip
    for text in (
        json.dumps({"level": "error", "message": session}),
        json.dumps([{"log": line} for line in session.split("\n")]),
        json.dumps({"log": json.dumps({"msg": session})}),
        session.replace("\n", "\\r\\n") + "\\r\\n535 5.7.3 no",
    ):
        assert REFUSED in read_log(text).remarks


def test_what_is_short_is_not_cut() -> None:
    text = "\n".join(("x" * LONGEST, *FILLER[:1_000]))
    assert shortened(text) == (text, 0)
    assert shortened("") == ("", 0)


def test_the_last_of_the_same_failures_is_kept() -> None:
    lines = [f"error {number}: 421 4.3.2 try again" for number in range(MANY)]
    lines[MANY // 2] = "error: 550 5.7.1 relaying denied"
    kept = shortened("\n".join((*lines, *FILLER))).text
    assert lines[MANY // 2] in kept
    assert lines[-1] in kept
    assert lines[MANY // 3] not in kept


def test_the_reader_is_told() -> None:
    notes = diagnose_evidence(read_log(with_line(REFUSED, MANY))).notes
    assert [note for note in notes if "characters of it were not read" in note]
    assert diagnose_evidence(read_log(REFUSED)).notes == ()


TOLD = (
    "password = '{secret}' is wrong", 'password="{secret}"', "smtp://me:{secret}@mail.example.com",
    "AUTH PLAIN {encoded}", "C: {encoded}", "auth with {secret} failed", "Bearer {secret}",
)  # fmt: skip


def parts(secret: str) -> list[str]:
    return [secret[at : at + 6] for at in range(len(secret) - 5)]


@pytest.mark.thorough
@pytest.mark.parametrize("told", TOLD)
@pytest.mark.parametrize("end", [MAX_LINE, LONGEST])
def test_a_line_that_is_cut_within_a_secret_does_not_reveal_it(told: str, end: int) -> None:
    encoded = base64.b64encode(f"\0me\0{SECRET}".encode()).decode()
    for back in range(0, 60, 7):
        line = "a " * ((end - back) // 2) + told.format(secret=SECRET, encoded=encoded) + " b" * 700
        shown = repr(read_log(f"password={SECRET}\n{line}\n535 5.7.8 no"))
        assert not [part for part in (*parts(SECRET), *parts(encoded)) if part in shown], back


@pytest.mark.usefixtures("little")
def test_text_that_is_left_out_within_a_login_does_not_reveal_it() -> None:
    name, secret = (base64.b64encode(each.encode()).decode() for each in ("ann", "Secret"))
    login = ["S: 250 AUTH LOGIN", "C: AUTH LOGIN", "S: 334 VXNlcm5hbWU6", f"C: {name}",
             "S: 334 UGFzc3dvcmQ6", f"C: {secret}", "S: 535 5.7.8 no"]  # fmt: skip
    for number in range(40):  # the kept end begins before, within and after each login
        shown = repr(read_log("\n".join((*FILLER[:300], *login * 90, *["x"] * number))))
        assert secret not in shown
        assert name not in shown


@pytest.mark.usefixtures("little")
def test_a_private_key_that_is_cut_is_not_revealed() -> None:
    key = [base64.b64encode(bytes(range(number, number + 48))).decode() for number in range(40)]
    for number in range(0, 60, 5):
        lines = (*FILLER[:100], "-----BEGIN PRIVATE KEY-----", *key, "c2hvcnQ=",
                 "-----END PRIVATE KEY-----", *FILLER[: 40 + number])  # fmt: skip
        shown = repr(read_log("\n".join(lines)))
        assert not [line for line in (*key, "c2hvcnQ=") if line in shown]


def test_marks_in_a_paste_have_no_meaning() -> None:
    for mark in ("\ufdd0", "\ufdd1\n", "\\ufdd1", "[redacted#0]", f"[redacted#{'9' * 5_000}]"):
        read_log(f"C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: {mark}\nS: 535 no {mark}")
        read_log(json.dumps({"msg": f"C: AUTH LOGIN {mark}"}).replace("\\\\", "\\"))
