"""``gatepost doctor``: what is a server, what is a text, and what is piped."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gatepost.cli.doctor_input import is_server
from tests.commands import GATEPOST, PATIENCE, doctor

REFUSED = "504 5.7.4 Unrecognized authentication type"

SERVERS = [
    "localhost", "localhost:2587", "mailhost", "SRV-MAIL01", "my_smtp:25", "mail.example.com",
    "mail.example.com:465", "mail.example.com.", "bücher.example", "1e100.example",
    "504.example.com", "192.0.2.1", "192.0.2.1:25", "0.0.1.248", "::1", "fe80::1%eth0",
    "2001:db8::1", "[::1]", "[::1]:2587", "[::1", "host:99999", "host:smtp", "host:",
    "smtp://me:secret@mail.example.com", "me@mail.example.com",
]  # fmt: skip
TEXTS = [
    "504", "535", "5.7.4", "5.7.3.", "0x7f000001", "0x1F8", "127.1", "2130706433", "504:587",
    "1.2.3.4.5", "550-5.7.1", "250-AUTH", "５０４", "EAUTH", "ECONNREFUSED",
    "SMTPAuthenticationError", "smtplib.SMTPServerDisconnected", "System.Net.Mail.SmtpException",
    "535,", "(504", "[535]", "认证失败", "550/5.7.1", "host name", "535:5.7.8:no", "…",
]  # fmt: skip


@pytest.mark.parametrize("word", SERVERS)
def test_servers(word: str) -> None:
    assert is_server(word)


@pytest.mark.parametrize("word", TEXTS)
def test_texts(word: str) -> None:
    assert not is_server(word)


def piped(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text), "utf-8"))


def document(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("words", [(REFUSED,), tuple(REFUSED.split()), (f" {REFUSED}\n",)])
def test_a_text_is_an_argument_or_several(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor(*words, "--as", "go", "--json") == 2
    told = document(capsys)
    [first, *_] = told["findings"]
    assert (first["id"], first["confidence"]) == ("mechanism_not_offered", "likely")
    assert [each["library"] for each in first["remedies"]] == ["go-net-smtp"]
    assert told["evidence"]["source"] == "log"


def test_a_text_belongs_to_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(REFUSED, "--server", "smtp.azurecomm.net:587", "--json") == 2
    assert document(capsys)["target"] == "smtp.azurecomm.net:587"


@pytest.mark.parametrize("word", ["504", "5.7.4", "0x7f000001"])
def test_a_number_is_read_as_a_text(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    doctor(word, "--json")
    told = document(capsys)
    assert told["evidence"]["source"] == "log"
    assert told["target"] is None


@pytest.mark.parametrize("arguments", [(), ("-",), ("--log", "-")])
def test_a_text_is_piped(
    arguments: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    piped(monkeypatch, REFUSED.encode())
    assert doctor(*arguments, "--as", "nodemailer", "--json") == 2
    assert document(capsys)["findings"][0]["id"] == "mechanism_not_offered"


def test_nothing_that_is_piped_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    piped(monkeypatch, b"\n")
    assert doctor() == 64
    assert "standard input is empty" in capsys.readouterr().err


def test_no_argument_at_a_terminal_is_wrong_usage() -> None:
    ours, theirs = os.openpty()
    try:
        ended = subprocess.run(
            [GATEPOST, "doctor"], check=False, stdin=theirs, capture_output=True, timeout=PATIENCE
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert ended.returncode == 64
    assert b"give one of" in ended.stderr


def test_a_server_is_not_asked_about_what_is_piped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    piped(monkeypatch, REFUSED.encode())
    assert doctor("no-such-host.invalid", "--json") == 3
    assert document(capsys)["evidence"]["source"] == "probe"
    assert sys.stdin.read() == REFUSED


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("",), "empty"),
        ((" ",), "empty"),
        (("paste.txt",), "--log"),
        (("./paste.txt",), "--log"),
        (("./nothing.txt",), "no file"),
        (("mail.example.com", "other.example.com"), "in quotes"),
        (("localhost:2587", "refused"), "in quotes"),
        (("host:99999",), "not a port"),
        (("smtp://me:secret@mail.example.com",), "not a server"),
        ((REFUSED, "--log", "paste.txt"), "give one of"),
        (("mail.example.com", "--server", "mail.example.com"), "--server needs"),
        ((REFUSED, "--username", "me"), "--username needs HOST"),
        ((REFUSED, "--audit"), "--audit needs HOST"),
    ],
)
def test_wrong_usage(
    words: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "paste.txt").write_text(REFUSED)
    assert doctor(*words) == 64
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "secret" not in err


@pytest.mark.parametrize("option", ["--as", "--client"])
def test_the_option_has_a_former_name(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor("tls: first record does not look like a TLS handshake", option, "go") == 2
    assert "In go-net-smtp" in capsys.readouterr().out


def test_help_shows_one_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor("--help") == 0
    told = capsys.readouterr().out
    assert "--as LIBRARY" in told
    assert "--client" not in told


def test_a_configuration_gets_the_fixes_of_a_library(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / ".env"
    config.write_text("SMTP_HOST=smtp.contoso.org\nSMTP_PORT=465\nSMTP_STARTTLS=true\n")
    assert doctor("--config", str(config), "--as", "nodemailer", "--json") == 2
    by_id = {each["id"]: each["remedies"] for each in document(capsys)["findings"]}
    [fix] = by_id["starttls_on_implicit_tls_port"]
    assert fix["library"] == "nodemailer"
    assert "smtp.contoso.org" in fix["code"]


def test_saved_evidence_gets_the_fixes_of_a_library(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = str(tmp_path / "seen.json")
    assert doctor(REFUSED, "--save", saved) == 2
    assert "code with --as LIBRARY" in capsys.readouterr().out
    assert doctor("--evidence", saved, "--as", "php") == 2
    assert "In phpmailer" in capsys.readouterr().out


def test_a_mistyped_library_is_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(REFUSED, "--as", "nodemialer") == 2
    assert "did you mean nodemailer?" in capsys.readouterr().err
    assert doctor(REFUSED, "--as", "Gitea 1.21") == 2
    assert capsys.readouterr().err == ""
