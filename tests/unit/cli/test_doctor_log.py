"""``gatepost doctor --log``: arguments, exit codes, output."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from gatepost.doctor.logs import read_log as logs
from tests.commands import doctor

REFUSED = "504 5.7.4 Unrecognized authentication type"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "mail.log"
    path.write_text(REFUSED)
    return path


def document(capsys: pytest.CaptureFixture[str]) -> Any:
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


def test_a_file(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ("--server", "smtp.azurecomm.net:587", "--as", "Go net/smtp")
    assert doctor("--log", str(log), *place, "--json") == 2
    told = document(capsys)
    assert (told["verdict"], told["target"]) == ("finding", "smtp.azurecomm.net:587")
    [first, *_] = told["findings"]
    assert (first["id"], first["confidence"]) == ("mechanism_not_offered", "likely")
    assert any(REFUSED in line for line in first["proof"])
    assert told["evidence"]["source"] == "log"
    assert told["evidence"]["client"]["library"] == "go-net-smtp"
    assert "which mechanisms EHLO lists" in told["next_probe"]


def test_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"535 5.7.8 no"), "utf-8"))
    assert doctor("--log", "-", "--json") == 2
    told = document(capsys)
    assert told["target"] is None
    assert len(told["findings"]) > 1
    assert told["next_probe"]


@pytest.mark.parametrize(
    ("text", "verdict", "code"),
    [
        (b"what is this?", "unknown", 1),
        (b"", "unknown", 1),
        (
            b"C: EHLO a\nS: 250-b\nS: 250 AUTH PLAIN\nC: AUTH PLAIN <secret>\nS: 235 ok",
            "healthy",
            0,
        ),
        (b"\xff\xfe" + REFUSED.encode("utf-16-le"), "finding", 2),
        (b"535 Error: \xc7\xeb\xca\xb9\xd3\xc3\xca\xda\xc8\xa8\xc2\xeb", "finding", 2),
        (bytes(range(256)), "unknown", 1),
    ],
)
def test_any_octets(
    text: bytes, verdict: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log"
    path.write_bytes(text)
    assert doctor("--log", str(path), "--json") == code
    told = document(capsys)
    assert told["verdict"] == verdict
    assert verdict != "unknown" or told["next_probe"]


def test_the_code_of_the_fix_comes_without_a_server(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.write_text("tls: first record does not look like a TLS handshake")
    assert doctor("--log", str(log), "--as", "go", "--json") == 2
    [finding, *_] = document(capsys)["findings"]
    assert finding["id"] == "implicit_tls_on_starttls_port"
    assert [each["library"] for each in finding["remedies"]] == ["go-net-smtp"]


def test_the_fix_for_implicit_tls_names_its_port(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.write_text("smtplib.SMTPServerDisconnected: Connection unexpectedly closed")
    assert doctor("--log", str(log)) == 2
    out = capsys.readouterr().out
    assert "none is proven" in out
    assert 'SMTP_SSL("mail.example.com", 465' in out


def test_a_likely_cause_is_not_called_proven(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log.write_text("dial tcp 192.0.2.1:587: i/o timeout")
    assert doctor("--log", str(log)) == 2
    assert "one cause is likely, none is proven" in capsys.readouterr().out


def test_saved_evidence_of_a_log_is_diagnosed_again(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.write_text(
        "C: EHLO me\nS: 250-a\nS: 250 AUTH LOGIN\nC: AUTH PLAIN AGFubgBzZWNyZXQtMTIz\n"
        f"S: {REFUSED}\nError: Invalid login\n"
    )
    kept = tmp_path / "seen.json"
    assert doctor("--log", str(log), "--as", "nodemailer", "--save", str(kept), "--json") == 2
    first = document(capsys)
    assert doctor("--evidence", str(kept), "--json") == 2
    assert document(capsys) == first


@pytest.mark.parametrize(
    "arguments",
    [
        ("--log", "{log}", "mail.example.com"),
        ("--log", "{log}", "--evidence", "{log}"),
        ("--server", "mail.example.com"),
        ("--log", "nowhere"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], log: Path) -> None:
    assert doctor(*(each.format(log=log) for each in arguments)) == 64


def test_a_long_log_is_read_at_its_end(
    log: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 20_000
    monkeypatch.setattr(logs, "MAX_LOG", most)
    before = "534 5.7.9 from long ago\n" * (most // 20)
    log.write_text(f"{before}{REFUSED}\n" * 2)
    assert doctor("--log", str(log), "--server", "smtp.azurecomm.net:587", "--json") == 2
    out = capsys.readouterr().out
    assert REFUSED in out
    [note] = json.loads(out)["notes"]
    assert "characters of it were not read" in note


@pytest.mark.parametrize("raw", [b"", b" \n", bytes(range(256)) * 9, b"\0\1\2" * 99])
def test_a_file_without_text_is_an_error(
    raw: bytes, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.write_bytes(raw)
    assert doctor("--log", str(log)) == 1
    assert "there is no text to examine" in capsys.readouterr().out


def test_a_log_that_is_not_about_mail_is_an_error(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.write_text('203.0.113.5 - - [10/Oct/2024] "POST /auth/token HTTP/1.1" 401 535 "-"')
    assert doctor("--log", str(log)) == 1
    assert "about mail" in capsys.readouterr().out


def test_the_report_is_for_a_terminal(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log.write_text(f"S: 220 a\x1b[31m\nC: EHLO {'x' * 300}\nS: {REFUSED}\x07")
    doctor("--log", str(log))
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out
    assert max(map(len, out.splitlines())) <= 80
