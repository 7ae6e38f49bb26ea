"""Logs of Go programs, which only their times identify."""

import pytest

from gatepost.doctor.conclude import diagnose_evidence
from gatepost.doctor.logs.read_log import read_log

STAMP = "2026/11/24 10:15:00"
REFUSED = "504 5.7.4 Unrecognized authentication type"

GO = [
    f"{STAMP} {REFUSED}",
    f"{STAMP}.123456 {REFUSED}",
    f"{STAMP} main.go:42: {REFUSED}",
    f"{STAMP} /src/cmd/mailer/main.go:42: {REFUSED}",
    f"mailer: {STAMP} {REFUSED}",
    f"{STAMP} could not send mail: {REFUSED}\nexit status 1",
    f"{STAMP} connecting to smtp.azurecomm.net:587\n{STAMP} {REFUSED}",
    f'{STAMP} ERROR sending failed err="{REFUSED}"',
    f"mailer-1  | {STAMP} {REFUSED}",
    f"Nov 24 10:15:00 host mailer[123]: {STAMP} {REFUSED}",
    f"2026-11-24T10:15:00.000000000Z {STAMP} {REFUSED}",
]
OTHERS = [
    REFUSED,
    f"{STAMP} [error] 31#31: *1 upstream sent {REFUSED}",
    f"{STAMP} [2041] {REFUSED}",
    f"{STAMP}| {REFUSED}",
    f"{STAMP} kid1| {REFUSED}",
    f"{STAMP} - {REFUSED}",
    f"{STAMP} ERROR c.e.Mailer - {REFUSED}",
    f"{STAMP} ERROR> send.pl:3 main - {REFUSED}",
    f"{STAMP} ERROR:root:{REFUSED}",
    f"{STAMP} sending\nTraceback (most recent call last):\n{REFUSED}",
    f"{STAMP} {REFUSED}\n   at Contoso.Mailer.Send(String to)",
    f"{STAMP} {REFUSED} at send.pl line 12.",
    f"2026-11-24 10:15:00 {REFUSED}",
    f"on {STAMP} the server said {REFUSED}",
    f"12026/11/24 10:15:00 {REFUSED}",
]


@pytest.mark.parametrize("text", GO)
def test_go_is_named(text: str) -> None:
    diagnosis = diagnose_evidence(read_log(text))
    assert diagnosis.evidence.client.product == "Go"
    first = diagnosis.findings[0]
    assert first.id == "mechanism_not_offered"
    assert [each.library for each in first.remedies] == ["go-net-smtp"]


@pytest.mark.parametrize("text", OTHERS)
def test_others_are_not(text: str) -> None:
    client = read_log(text).client
    assert not client.product
    assert not client.library.startswith("go")


@pytest.mark.parametrize(
    ("text", "library"),
    [
        (f"{STAMP} gomail: could not send email 1: {REFUSED}", "go-net-smtp"),
        (f"{STAMP} dial failed: {REFUSED}", "go-mail"),
        (f"{STAMP} smtp: server doesn't support AUTH", "go-net-smtp"),
    ],
)
def test_a_library_that_its_texts_name_comes_first(text: str, library: str) -> None:
    client = read_log(text).client
    assert (client.library, client.product) == (library, "")


def test_the_users_word_comes_first() -> None:
    assert read_log(f"{STAMP} {REFUSED}", client="nodemailer").client.product == "nodemailer"


def test_the_time_makes_nothing_certain() -> None:
    text = "535 5.7.3 Authentication unsuccessful"
    plain, stamped = (diagnose_evidence(read_log(each)) for each in (text, f"{STAMP} {text}"))
    assert stamped.findings[0].id == plain.findings[0].id
    assert "certain" not in [each.confidence for each in stamped.findings]
    assert "--as go-net-smtp" in stamped.next_probe or "LIBRARY" not in stamped.next_probe


def test_a_log_of_go_about_something_else_stays_so() -> None:
    seen = read_log(f"{STAMP} GET /health HTTP/1.1: connecting to redis:6379 failed")
    assert seen.client.product == ""
