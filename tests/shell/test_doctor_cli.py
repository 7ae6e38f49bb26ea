"""``gatepost doctor`` in scripts: arguments, exit codes, and both outputs."""

import base64
import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import fork_server
from tests.certificates import Authority, make_authority
from tests.commands import doctor
from tests.shell.scripted_server import Script, Server, serving

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def server(authority: Authority) -> Iterator[Server]:
    script = Script(
        in_clear=("STARTTLS",),
        over_tls=("AUTH LOGIN",),
        replies={"AUTH PLAIN": "504 5.7.4 Unrecognized authentication type"},
        pair=authority.issue("127.0.0.1"),
    )
    with serving(script) as it:
        yield it


@pytest.fixture
def document(capsys: pytest.CaptureFixture[str]) -> Any:
    def read() -> dict[str, Any]:
        out, err = capsys.readouterr()
        assert err == ""
        parsed: dict[str, Any] = json.loads(out)
        return parsed

    return read


def test_exit_codes(server: Server, authority: Authority) -> None:
    trusted = ("--ca-file", authority.ca_file)
    assert doctor(server.address, *trusted) == 0
    assert doctor(server.address, *trusted, "--as", "go") == 2
    assert doctor(server.address) == 2
    assert doctor("no-such-host.invalid") == 3


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("host:99999",),
        ("host", "--tls", "perhaps"),
        ("host", "--as", "pythn"),
        ("host", "--username", "me"),
        ("host", "--password-file", __file__),
        ("host", "--ca-file", "/no/such/file"),
        ("host", "--ca-file", __file__),
        ("host", "--to", "a@example.com"),
        ("host", "--send", "--from", "a@example.com"),
        ("host", "--from", "no address"),
        ("host", "--evidence", __file__),
        ("--evidence", __file__),
        ("--evidence", __file__, "--as", "go"),
        ("--config", __file__, "--audit"),
        ("host", "--password", "secret"),
    ],
)
def test_usage_errors_go_to_standard_error(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor(*arguments) == 64
    out, err = capsys.readouterr()
    assert out == ""
    assert "Error: " in err


def test_usage_errors_are_json_if_requested(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor("host", "--json", "--markdown") == 64
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["code"] == "Usage"
    assert "cannot be used together" in err


def test_an_unknown_library_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor("host", "--as", "nodemialer") == 64
    assert "did you mean nodemailer?" in capsys.readouterr().err


def test_json_is_one_document(server: Server, authority: Authority, document: Any) -> None:
    assert doctor(server.address, "--ca-file", authority.ca_file, "--as", "go", "--json") == 2
    report = document()
    assert (report["verdict"], report["target"]) == ("finding", server.address)
    assert [each["id"] for each in report["findings"]] == ["mechanism_not_offered"]
    assert [each["library"] for each in report["findings"][0]["remedies"]] == ["go-net-smtp"]
    assert {"from": "C", "text": "AUTH PLAIN", "tls": True} in report["transcript"]


def test_an_audit_is_asked_for(server: Server, authority: Authority, document: Any) -> None:
    trusted = ("--ca-file", authority.ca_file, "--json")
    assert doctor(server.address, *trusted, "--audit") == 2
    report = document()
    assert "auth_in_clear" in [each["id"] for each in report["findings"]]
    assert {"name": "starttls_injection", "outcome": "passed"}.items() <= next(
        each for each in report["evidence"]["audit"]["value"]
        if each["name"] == "starttls_injection"
    ).items()  # fmt: skip


@pytest.mark.parametrize("line_end", ["", "\n", "\r\n"])
@pytest.mark.parametrize("source", ["file", "-"])
def test_the_password_comes_from_a_file(
    server: Server, authority: Authority, tmp_path: Path, document: Any,
    monkeypatch: pytest.MonkeyPatch, line_end: str, source: str,
) -> None:  # fmt: skip
    octets = (PASSWORD + line_end).encode()
    path = tmp_path / "password"
    path.write_bytes(octets)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(octets)))
    chosen = str(path) if source == "file" else "-"
    login = ("--username", "me", "--password-file", chosen)
    assert doctor(server.address, "--ca-file", authority.ca_file, *login, "--json") == 0
    assert server.count(base64.b64encode(PASSWORD.encode()).decode()) == 1
    assert PASSWORD not in json.dumps(document())


def test_kept_evidence_gives_the_same_report(
    server: Server, authority: Authority, tmp_path: Path, document: Any
) -> None:
    kept = str(tmp_path / "seen.json")
    trusted = ("--ca-file", authority.ca_file)
    assert doctor(server.address, *trusted, "--as", "go", "--save", kept, "--json") == 2
    first = document()
    heard = len(server.heard)
    assert doctor("--evidence", kept, "--json") == 2
    assert document() == first
    assert len(server.heard) == heard, "nothing is asked again"
    (tmp_path / "report.json").write_text(json.dumps(first))
    assert doctor("--evidence", str(tmp_path / "report.json"), "--json") == 2
    assert document() == first


def test_markdown_and_plain_reports(
    server: Server, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    trusted = (server.address, "--ca-file", authority.ca_file, "--as", "go")
    assert doctor(*trusted, "--markdown") == 2
    assert "## mechanism_not_offered (certain)" in capsys.readouterr().out
    assert doctor(*trusted) == 2
    plain = capsys.readouterr().out
    assert "Cause: mechanism_not_offered" in plain
    assert "\x1b" not in plain, "no colour where there is no terminal"


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor("--help") == 0
    assert "gatepost doctor smtp.azurecomm.net --as go-net-smtp" in capsys.readouterr().out


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A shell has what it runs in the background ignore SIGINT, and that would be inherited."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_leaves_quietly(authority: Authority) -> None:
    with serving(Script(greeting=None)) as silent:
        command = [sys.executable, "-m", "gatepost.cli.main", "doctor", silent.address]
        process = fork_server.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 20
        while not silent.connections and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in err
