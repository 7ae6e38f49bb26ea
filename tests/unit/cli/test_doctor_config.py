"""``gatepost doctor --config``: arguments, exit codes, output."""

import io
import json
import sys
from pathlib import Path

import pytest

from gatepost.doctor.settings_files.read_settings_file import MAX_CONFIG
from tests.commands import doctor

FAULTY = "SMTP_HOST=smtp.contoso.org\nSMTP_PORT=465\nSMTP_STARTTLS=true\nSMTP_PASSWORD=hun$ter2\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    path.write_text(FAULTY)
    return path


def test_findings_as_json(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor("--config", str(config), "--json") == 2
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] == "finding"
    assert told["target"] == "smtp.contoso.org:465"
    assert {each["id"] for each in told["findings"]} == {
        "starttls_on_implicit_tls_port", "credential_mangled_by_config",
        "credentials_missing",
    }  # fmt: skip
    assert told["evidence"]["source"] == "config"


def test_the_other_reports(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor("--config", str(config)) == 2
    assert doctor("--config", str(config), "--markdown") == 2
    assert "hun" not in capsys.readouterr().out


def test_saved_evidence_is_diagnosed_again(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "seen.json"
    assert doctor("--config", str(config), "--save", str(saved)) == 2
    first = capsys.readouterr().out
    assert doctor("--evidence", str(saved)) == 2
    assert capsys.readouterr().out == first
    assert "hun" not in saved.read_text()


def test_standard_input_and_nothing_in_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = b"smtp://me:abcdefgh@smtp.contoso.org:587\n"
    for text, code in ((url, 0), (b"", 1), (b"hello", 1)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
        assert doctor("--config", "-") == code
    assert "no settings for sending mail" in capsys.readouterr().out


def test_usage(tmp_path: Path, config: Path) -> None:
    large = tmp_path / "large.env"
    large.write_bytes(b"A=1\n" * (MAX_CONFIG // 4 + 1))
    assert doctor("--config", str(large)) == 64
    assert doctor("--config", str(tmp_path / "none")) == 64
    assert doctor("--config", str(config), "--log", str(config)) == 64
    assert doctor("--config", str(config), "--json", "--markdown") == 64
