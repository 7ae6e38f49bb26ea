"""``--data`` and ``--config``: two ways to name a relay's directory."""

import json
from pathlib import Path
from typing import Any, Final

import click
import pytest
from click.testing import CliRunner

from gatepost.cli.account import account
from gatepost.cli.check import check
from gatepost.cli.queue import queue
from gatepost.cli.serve import serve
from gatepost.cli.store_options import VARIABLE, directory_of, place_options
from gatepost.store.sqlite import open_store

ACCOUNT: Final = """\
hostname = "x"
[[listener]]
unix = "s"
[[directory.account]]
name = "scanner"
password = { file = "nowhere" }
senders = ["example.com"]
cram_md5 = true
[target.keep]
kind = "capture"
[[route]]
to = "keep"
[storage]
directory = "data"
"""


@click.command()
@place_options
def where(data: Path) -> None:
    click.echo(data)


@pytest.mark.parametrize(
    ("text", "directory"),
    [
        ("[storage]\ndirectory = '/srv/mail'\n", "/srv/mail"),
        ("[storage]\nfree_space = 'nonsense'\ndirectory = 'here'\nunknown = 1\n", "here"),
        ("", "/var/lib/gatepost"),
        ("[stores]\ndirectory = 'x'\n[storage]\nhistory = '1d'\n", "/var/lib/gatepost"),
    ],
)
def test_a_configuration_says_where(tmp_path: Path, text: str, directory: str) -> None:
    config = tmp_path / "gatepost.toml"
    config.write_text(text)
    assert directory_of(config) == Path(directory)
    said = CliRunner().invoke(where, ["--config", str(config)])
    assert (said.exit_code, said.output.strip()) == (0, directory)


def test_without_either_it_is_the_emulator_s() -> None:
    assert CliRunner().invoke(where, []).output.strip() == ".gatepost"
    assert CliRunner().invoke(where, ["--data", "there"]).output.strip() == "there"


@pytest.mark.parametrize("order", [1, -1])
def test_both_exclude_each_other(tmp_path: Path, order: int) -> None:
    config = tmp_path / "gatepost.toml"
    config.write_text("")
    arguments = [["--data", ".gatepost"], ["--config", str(config)]][::order]
    said = CliRunner().invoke(where, [each for some in arguments for each in some])
    assert said.exit_code != 0
    assert "cannot be used together" in said.output


@pytest.mark.parametrize(
    "text",
    [
        "[storage", "[storage]\ndirectory = 5\n", "storage = 5\n",
        "[storage]\ndirectry = 'x'\n", "[Storage]\ndirectory = 'x'\n",
    ],
)  # fmt: skip
def test_a_configuration_that_cannot_say_it(tmp_path: Path, text: str) -> None:
    config = tmp_path / "gatepost.toml"
    config.write_text(text)
    said = CliRunner().invoke(where, ["--config", str(config)])
    assert said.exit_code != 0
    assert str(config) in said.output


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (["create", "printer"], 1, "gatepost.toml:1: unknown key hostnam (did you mean hostname?)"),
        (["list"], 0, "scanner"),  # as far as it goes
        (["delete", "printer"], 1, "no relay has run in "),
    ],
)
def test_a_faulty_configuration_creates_no_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], code: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("gatepost.toml").write_text(ACCOUNT.replace("hostname", "hostnam"))
    result = CliRunner().invoke(account, [*command, "--config", "gatepost.toml"])
    assert (result.exit_code, said in result.output) == (code, True), result.output
    assert not Path("data").exists()


def test_accounts_of_the_configuration_are_shown_while_no_relay_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("gatepost.toml").write_text(ACCOUNT)

    def run(*command: str) -> Any:
        given = [*command, "--config", "gatepost.toml", "--json"]
        return json.loads(CliRunner().invoke(account, given).stdout or "null")

    scanner = {
        "name": "scanner", "senders": ["@example.com"], "cram_md5": True, "origin": "configuration",
    }  # fmt: skip
    assert run("list") == {"accounts": [scanner]}  # no relay has ever run
    made = run("create", "printer", "--save", "printer.password")
    assert made.pop("saved") == "printer.password"
    assert run("list")["accounts"] == [made, scanner]
    assert run("show", "scanner") == scanner
    taken = CliRunner().invoke(account, ["delete", "scanner", "--config", "gatepost.toml"])
    assert "defined in the configuration: change it there" in taken.output


def test_each_command_of_a_group_is_listed_with_its_whole_sentence() -> None:
    said = " ".join(CliRunner().invoke(queue, ["--help"]).output.split())
    assert "it does not expire meanwhile." in said
    assert "..." not in said.partition("Commands:")[2]


def test_a_file_that_is_not_there_is_named_once() -> None:
    said = CliRunner().invoke(where, ["--config", "/nowhere"]).output
    assert "/nowhere cannot be read: No such file or directory" in said


def test_a_directory_as_configuration_suggests_the_data_option(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"SQLite format 3\0\xff")
    said = CliRunner().invoke(where, ["--config", str(tmp_path)]).output
    assert f"{tmp_path} is a directory (did you mean --data {tmp_path}?)" in said
    said = CliRunner().invoke(where, ["--config", str(tmp_path / "store.db")]).output
    assert "use --data" in said


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_config(path: Path, directory: str) -> str:
    path.write_text(f"[storage]\ndirectory = '{directory}'\n")
    return str(path)


def test_the_environment_names_a_configuration(here: Path) -> None:
    named = {VARIABLE: write_config(here / "named.toml", "/var/lib/named")}
    given = write_config(here / "given.toml", "/var/lib/given")
    run = CliRunner(env=named)
    assert run.invoke(where, []).output.strip() == "/var/lib/named"
    assert run.invoke(where, ["--config", given]).output.strip() == "/var/lib/given"
    assert run.invoke(where, ["--data", "there"]).output.strip() == "there"
    assert CliRunner(env={VARIABLE: ""}).invoke(where, []).output.strip() == ".gatepost"


@pytest.mark.parametrize("text", [None, "[storage", "storage = 5\n"])
def test_errors_name_the_variable(here: Path, text: str | None) -> None:
    if text is not None:
        (here / "named.toml").write_text(text)
    run = CliRunner(env={VARIABLE: "named.toml"})
    said = run.invoke(where, [])
    assert said.exit_code != 0
    assert f"{VARIABLE}: named.toml" in said.output
    assert run.invoke(where, ["--data", "there"]).output.strip() == "there"


@pytest.mark.parametrize("command", [check, serve])
def test_the_environment_names_it_for_commands_that_need_one(
    here: Path, command: click.Command
) -> None:
    said = CliRunner(env={VARIABLE: "gone.toml"}).invoke(command, [])
    assert f"{VARIABLE}: gone.toml does not exist" in said.output
    assert "Missing option '--config'" in CliRunner().invoke(command, []).output


def test_check_reads_what_the_environment_names(here: Path) -> None:
    (here / "named.toml").write_text(ACCOUNT.replace('{ file = "nowhere" }', '"a password"'))
    said = CliRunner(env={VARIABLE: "named.toml"}).invoke(check, [], standalone_mode=False)
    assert "named.toml:" in said.output


def test_a_configuration_here_is_used_if_there_is_no_other_relay(here: Path) -> None:
    write_config(here / "gatepost.toml", "/var/lib/here")
    said = CliRunner().invoke(where, [])
    assert said.stdout.strip() == "/var/lib/here"
    assert "gatepost.toml" in said.stderr
    (here / ".gatepost").mkdir()
    assert CliRunner().invoke(where, []).stdout.strip() == "/var/lib/here", (
        "there is no store in it"
    )
    (here / ".gatepost/store.db").touch()
    said = CliRunner().invoke(where, [])
    assert (said.stdout.strip(), said.stderr) == (".gatepost", "")


def test_the_queue_is_that_of_the_relay(here: Path) -> None:
    write_config(here / "gatepost.toml", "relay")
    for each in ("relay", ".gatepost"):
        (here / each).mkdir(0o700)
        open_store(here / each).close()
    (here / ".gatepost/ca.pem").touch()
    said = CliRunner().invoke(queue, ["list"])
    assert said.stdout == "no mail is queued in relay\n"
    assert "gatepost.toml" in said.stderr
    said = CliRunner().invoke(queue, ["list", "--data", ".gatepost"])
    assert said.stdout.startswith("no mail is queued in .gatepost: `gatepost up` captures")
    assert said.stderr == ""


@pytest.mark.parametrize("config", [None, "relay"])
def test_listing_creates_no_store(here: Path, config: str | None) -> None:
    if config is not None:
        write_config(here / "gatepost.toml", config)
    before = sorted(here.iterdir())
    said = CliRunner().invoke(queue, ["list"])
    assert said.exit_code == 1
    assert f"no relay has run in {here / (config or '.gatepost')};" in said.output
    assert sorted(here.iterdir()) == before
