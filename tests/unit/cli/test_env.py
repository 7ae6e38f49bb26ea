"""``gatepost env``: the variables for a shell."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gatepost.cli.env import dotenv_lines, export_lines
from gatepost.cli.main import main
from gatepost.cli.output import CommandFailed

ADMIN = {"client_id": "boss", "client_secret": "0wner's ~secret"}
READY: dict[str, Any] = {
    "smtp": {"host": "127.0.0.1", "port": 2587, "tls": "starttls"},
    "smtps": {"host": "::1", "port": 2465, "tls": "implicit"},
    "username": "res.app.tenant",
    "password": "pa55~word",
    "access_token": None,
    "from": "a@b.c",
    "ca_file": "/home/me/my mail/ca.pem",
    "ca_bundle": "/home/me/my mail/ca-bundle.pem",
    "tenant_id": "a-tenant",
    "env": {"AZURE_CLIENT_ID": "app", "AZURE_CLIENT_SECRET": "s3cret", "SENDER_ADDRESS": "a@b.c"},
    "admin": ADMIN,
}


def run(data: Path, *arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["env", "--data", str(data), *arguments])
    return int(left.value.code or 0)


def write(data: Path, **changes: Any) -> None:
    (data / "ready.json").write_text(json.dumps(READY | changes))


def test_a_shell_takes_any_value() -> None:
    awkward = {"A": "plain", "B": 'it\'s $HOME `x` \\ "q"', "C": "two\nlines"}
    script = "\n".join(export_lines(awkward))
    shown = subprocess.run(
        ["bash", "-c", f"{script}\nprintf '%s|%s|%s' \"$A\" \"$B\" \"$C\""],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert shown == "|".join(awkward.values())


@pytest.mark.parametrize("wanted", ["shell", "dotenv", "json"])
def test_a_value_that_is_not_printable_is_what_it_is(tmp_path: Path, wanted: str) -> None:
    awkward = "/home/me/\tfamily \U0001f468\u200d\U0001f469/ca.pem"
    write(tmp_path, ca_file=awkward)
    printed = subprocess.run(
        [sys.executable, "-m", "gatepost", "env", "--data", tmp_path, "--format", wanted],
        stdout=subprocess.PIPE, check=True,
    ).stdout.decode()  # fmt: skip
    if wanted == "json":
        assert json.loads(printed)["GATEPOST_CA_FILE"] == awkward
    else:
        assert f"GATEPOST_CA_FILE='{awkward}'\n" in printed


@pytest.mark.parametrize(
    ("arguments", "client"), [((), ("app", "s3cret")), (("--admin",), tuple(ADMIN.values()))]
)
def test_the_identity(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    client: tuple[str, str],
) -> None:
    write(tmp_path)
    assert run(tmp_path, *arguments, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["AZURE_CLIENT_ID"], told["AZURE_CLIENT_SECRET"]) == client
    assert told["SENDER_ADDRESS"] == "a@b.c"


def test_a_relay_of_serve_has_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ready.json").write_text('{"pid": 1, "listeners": []}')
    assert run(tmp_path) == 1
    assert "a relay of `gatepost serve`" in capsys.readouterr().err


SENDING = {
    "GATEPOST_SMTP_HOST": "127.0.0.1",
    "GATEPOST_SMTP_PORT": "2587",
    "GATEPOST_SMTP_TLS": "starttls",
    "GATEPOST_SMTPS_HOST": "::1",
    "GATEPOST_SMTPS_PORT": "2465",
    "GATEPOST_SMTPS_TLS": "implicit",
    "GATEPOST_USERNAME": "res.app.tenant",
    "GATEPOST_PASSWORD": "pa55~word",
    "GATEPOST_SENDER": "a@b.c",
    "GATEPOST_CA_FILE": "/home/me/my mail/ca.pem",
    "REQUESTS_CA_BUNDLE": "/home/me/my mail/ca-bundle.pem",
    "SSL_CERT_FILE": "/home/me/my mail/ca-bundle.pem",
    "NODE_EXTRA_CA_CERTS": "/home/me/my mail/ca.pem",
}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "no COMMUNICATION_SERVICES_CONNECTION_STRING: the resource was deleted\n"),
        ({"env": {}}, "no variables for Azure's libraries: the relay serves no APIs, because"),
        ({"env": {}, "tenant_id": None}, ""),
    ],
)
def test_what_a_program_needs_to_send_is_always_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], says: str
) -> None:
    write(tmp_path, **changes)
    assert run(tmp_path, "--json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == SENDING | (READY | changes)["env"]
    assert says in said.err
    assert bool(said.err) is bool(says)


def test_the_only_listener_is_the_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, smtp=None)
    run(tmp_path, "--json")
    told = json.loads(capsys.readouterr().out)
    assert told["GATEPOST_SMTP_PORT"] == "2465"
    assert told["GATEPOST_SMTP_TLS"] == "implicit"
    assert "GATEPOST_SMTPS_PORT" not in told


def test_an_account_with_a_token_needs_no_password(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, env={}, tenant_id=None, password=None, access_token="ey.x")
    run(tmp_path, "--json")
    said = capsys.readouterr()
    assert json.loads(said.out)["GATEPOST_TOKEN"] == "ey.x"
    assert said.err == ""


AWKWARD = (
    "plain", "", "a b", "it's", 'a "b"', "$HOME", "${HOME}", "`x`", "a#b", "a #b", "~", "a:~/b",
    "a;b", "a\\b", "C:\\new folder", "grüße", "(a)", "a=b==", "!x", "*", "two\nlines", "'\"$x",
    "x\r",
)  # fmt: skip


@pytest.mark.parametrize("shell", [*filter(shutil.which, ("sh", "bash", "zsh", "dash", "ksh"))])
def test_every_shell_reads_what_is_for_shells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], shell: str
) -> None:
    values = {f"V{number}": value for number, value in enumerate(AWKWARD)}
    write(tmp_path, env=values)
    run(tmp_path)
    script = f"{capsys.readouterr().out}\nexec {sys.executable} -c '{SHOW}'"
    evaluated = 'eval "$SCRIPT"'
    said = subprocess.run(
        [shell, "-c", evaluated], env={"SCRIPT": script}, capture_output=True, check=True
    ).stdout
    shown = json.loads(said)
    assert {name: shown[name] for name in values} == values


SHOW = "import json, os; print(json.dumps(dict(os.environ)))"
READERS = {
    "sh": 'set -a; . "$0"; exec "$1" -c "$2"',
    "node": 'exec node --env-file="$0" -e "console.log(JSON.stringify(process.env))"',
    "python-dotenv": 'exec "$1" -c "import dotenv, json, sys; '
    'print(json.dumps(dotenv.dotenv_values(sys.argv[1])))" "$0"',
}


@pytest.mark.parametrize(
    "reader", ["sh", pytest.param("node", marks=pytest.mark.node), "python-dotenv"]
)
def test_every_reader_reads_the_same_in_an_env_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], reader: str
) -> None:
    values = {f"V{number}": value for number, value in enumerate(AWKWARD)}
    refused = set()
    for name, value in values.items():
        try:
            list(dotenv_lines({name: value}))
        except CommandFailed:
            refused.add(value)
    assert refused == {"${HOME}", "a\\b", "C:\\new folder", "two\nlines", "'\"$x", "x\r"}
    write(tmp_path, env={name: value for name, value in values.items() if value not in refused})
    run(tmp_path, "--format", "dotenv")
    (tmp_path / ".env").write_text(capsys.readouterr().out)
    command = ["sh", "-c", READERS[reader], str(tmp_path / ".env"), sys.executable, SHOW]
    shown = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    for name, value in values.items():
        if value not in refused:
            assert shown[name] == value


def test_a_value_that_no_env_file_can_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, password='it\'s "$5"')
    assert run(tmp_path, "--format", "dotenv") == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "GATEPOST_PASSWORD: programs read such a value" in said.err
    assert run(tmp_path, "--format", "json") == 0


def test_the_format_of_github_quotes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, password='it\'s "$5" = 5')
    assert run(tmp_path, "--format", "github") == 0
    assert 'GATEPOST_PASSWORD=it\'s "$5" = 5\n' in capsys.readouterr().out
    write(tmp_path, password="two\nlines=2")
    assert run(tmp_path, "--format", "github") == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "GATEPOST_PASSWORD has several lines" in said.err


def test_two_formats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path)
    assert run(tmp_path, "--format", "shell", "--json") == 64
    assert "--json cannot be used with --format shell" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "arguments", "says"),
    [
        (None, (), "no relay is up"),
        ({"env": {}}, ("--admin",), "--https off"),
        ({"env": {}, "tenant_id": None}, ("--admin",), "has plain accounts"),
        ({"admin": None}, ("--admin",), "no administrator"),
    ],
)
def test_missing_values_are_errors(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, Any] | None,
    arguments: tuple[str, ...],
    says: str,
) -> None:
    if changes is not None:
        write(tmp_path, **changes)
    assert run(tmp_path, *arguments) == 1
    said = capsys.readouterr()
    assert says in said.err
    assert said.out == ""


@pytest.mark.parametrize("arguments", [(), ("--admin",)])
def test_a_secret_that_works_no_longer_is_left_out_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    admin = {"client_id": "boss", "client_secret": None}
    write(tmp_path, env={"AZURE_CLIENT_ID": "app"}, admin=admin)
    assert run(tmp_path, *arguments, "--json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out).keys() == SENDING.keys() | {"AZURE_CLIENT_ID"}
    assert "no AZURE_CLIENT_SECRET: the client secret was deleted or has expired" in said.err
    assert "no COMMUNICATION_SERVICES_CONNECTION_STRING: the resource was deleted" in said.err


def test_a_damaged_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ready.json").write_text("{")
    assert run(tmp_path) == 1
    assert "damaged" in capsys.readouterr().err
