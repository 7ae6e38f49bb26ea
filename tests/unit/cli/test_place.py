"""``--data`` and ``--config``: two ways to say where a relay keeps its mail."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gatepost.cli.account import account
from gatepost.cli.place import directory_of, place_options


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
    assert "exclude each other" in said.output


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
    assert "cannot be read" in CliRunner().invoke(where, ["--config", "/nowhere"]).output


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (["create", "printer"], 1, "gatepost.toml:1: unknown key hostnam (did you mean hostname?)"),
        (["list"], 0, "no accounts"),
        (["delete", "printer"], 1, "there is nothing in data"),
    ],
)
def test_nothing_is_made_by_a_faulty_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], code: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("gatepost.toml").write_text("hostnam = 'x'\n[storage]\ndirectory = 'data'\n")
    result = CliRunner().invoke(account, [*command, "--config", "gatepost.toml"])
    assert (result.exit_code, said in result.output) == (code, True), result.output
    assert not Path("data").exists()
