"""``gatepost profile``: the list, the values, and the faults of a profile of one's own."""

import json
from pathlib import Path
from typing import Any

import pytest

from gatepost.cli.main import main
from gatepost.profiles import available_profiles, load_profile


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["profile", *arguments])
    return int(left.value.code or 0)


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    code = run(*arguments, "--json")
    return code, json.loads(capsys.readouterr().out)


def test_list(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    assert run("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(available_profiles()) + 1
    assert max(len(line) for line in lines) <= 80
    assert [line.split()[0] for line in lines[1:4]] == ["acs", "acs-xoauth2", "brevo"]


def test_list_of_a_kind(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = answer(capsys, "list", "--kind", "quirk")
    found = {each["name"]: each for each in told["profiles"]}
    assert code == 0
    assert found["starttls-454"]["cause"] == "server_tls_misconfigured"
    assert "gmail" not in found


def test_show_prints_every_value_and_its_origin(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = answer(capsys, "show", "gmail", "--set", "limits.recipients=3")
    values = {each["key"]: each for each in told["values"]}
    assert (code, told["name"], told["directory"]) == (0, "gmail", "accounts")
    assert values["limits.recipients"] == {
        "key": "limits.recipients", "value": 3, "origin": "--set",
    }  # fmt: skip
    assert values["limits.idle"]["origin"] == "default"
    assert values["replies.SIGNED_IN"]["value"] == "235 2.7.0 Accepted"
    assert values["hosts"]["value"] == list(load_profile("gmail").hosts)


def test_show_in_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", "starttls-454", "--own") == 0
    said = capsys.readouterr().out
    assert 'answers.STARTTLS = "454 4.7.0 TLS not available due to local problem"  # ' in said
    assert "# default" not in said


def test_show_of_what_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", "gmial") == 64
    assert "did you mean gmail?" in capsys.readouterr().err


def test_check_reports_every_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('titel = "x"\n[server]\ngreets = "late"\n')
    code, told = answer(capsys, "check", str(path))
    assert (code, told["valid"]) == (1, False)
    assert told["problems"][0] == {
        "where": str(path), "message": "unknown key titel", "did_you_mean": "title",
    }  # fmt: skip
    assert "server.greets" in told["problems"][1]["message"]
    assert run("check", str(path)) == 1
    assert "2 mistakes in " in capsys.readouterr().err


@pytest.mark.parametrize(("text", "code"), [('extends = "gmail"\n', 0), ("title = ", 1)])
def test_check_of_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, code: int
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    assert run("check", str(path)) == code
    capsys.readouterr()
    assert answer(capsys, "check", str(tmp_path / "none.toml"))[1]["valid"] is False
