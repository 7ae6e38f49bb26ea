"""``gatepost init acs-exit``: what it writes, and what it asks for."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gatepost.cli.exit_options import ask_for_missing
from gatepost.cli.init import acs_exit
from gatepost.cli.output import CommandFailed
from gatepost.config.load import parse_config
from gatepost.model.route import SendAs
from tests.unit.migrate.recorded_azure import APP, TENANT

SES = (
    "--tenant", TENANT, "--sender", "@contoso.com", "--outside", "ses", "--set", "region=eu-west-1",
    "--access-key-id", "AKIA", "--secret-access-key-file", "aws",
)  # fmt: skip


def run(path: Path, *options: str) -> str:
    result = CliRunner().invoke(
        acs_exit, ["--config", str(path), *options], standalone_mode=False, catch_exceptions=False
    )
    assert result.return_value == 0
    return result.stdout


def test_it_writes_a_valid_configuration_with_comments(tmp_path: Path) -> None:
    path = tmp_path / "gatepost.toml"
    assert "written" in run(path, *SES)
    text = path.read_text()
    config = parse_config(text)
    assert [each.chain[0].name for each in config.routes] == ["bounces", "outside"]
    assert text.count("# ") > 4


def test_a_second_run_changes_nothing_and_never_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "gatepost.toml"
    run(path, *SES)
    assert json.loads(run(path, *SES, "--json")) == {"file": str(path), "result": "unchanged"}
    path.write_text(path.read_text() + "# mine\n")
    with pytest.raises(CommandFailed, match="--overwrite replaces it"):
        run(path, *SES)
    assert path.read_text().endswith("# mine\n")
    assert "written" in run(path, *SES, "--overwrite")


def test_applications_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "gatepost.toml"
    run(path, *SES, "--application", APP)
    directory, _ = parse_config(path.read_text()).directories
    assert directory.own_senders == {APP: ("@contoso.com",)}  # type: ignore[union-attr]


@pytest.mark.parametrize("left_out", ["--tenant", "--sender", "--outside", "--access-key-id"])
def test_without_anybody_to_ask_what_is_missing_is_named(tmp_path: Path, left_out: str) -> None:
    place = SES.index(left_out)
    options = SES[:place] + SES[place + 2 :]
    with pytest.raises(click.UsageError, match=left_out):
        run(tmp_path / "gatepost.toml", *options)
    assert not (tmp_path / "gatepost.toml").exists()


def test_an_invalid_value_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="tenants"):
        run(tmp_path / "gatepost.toml", *SES, "--tenant", "contoso")
    assert list(tmp_path.iterdir()) == []


def test_questions_depend_on_earlier_answers() -> None:
    answers = (
        f"{TENANT}\n@contoso.com\ncontoso.com\nnews@contoso.com\n{APP}\nhve\nmailgun\nmg\nkey\n"
    )
    choices: dict[str, object] = {"settings": {}}

    @click.command()
    def command() -> None:
        ask_for_missing(choices)

    result = CliRunner().invoke(command, input=answers)
    assert result.exit_code == 0, result.output
    assert choices["tenants"] == [TENANT]
    assert choices["accepted_domains"] == ["contoso.com"]
    assert choices["hve_client_id"] == APP
    assert (choices["settings"], choices["api_key_file"]) == ({"domain": "mg"}, "key")
    assert "SES" not in result.output.replace("(ses,", "")


@pytest.mark.parametrize(
    ("options", "missing"),
    [
        (("--hve-account", "news@contoso.com"), "--accepted-domain"),
        (("--key", "k"), "--certificate"),
    ],
)
def test_an_option_without_effect_is_refused(
    tmp_path: Path, options: tuple[str, ...], missing: str
) -> None:
    with pytest.raises(click.UsageError, match=missing):
        run(tmp_path / "gatepost.toml", *SES, *options)


def test_a_file_that_cannot_be_written_or_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=r"absent.gatepost\.toml: No such file"):
        run(tmp_path / "absent" / "gatepost.toml", *SES)
    path = tmp_path / "gatepost.toml"
    path.write_bytes(b"\xff")
    with pytest.raises(CommandFailed, match="--overwrite replaces it"):
        run(path, *SES)


def test_answers_may_have_commas() -> None:
    choices: dict[str, object] = {"settings": {}}

    @click.command()
    def command() -> None:
        ask_for_missing(choices)

    answers = f"{TENANT}\n@contoso.com, a@fabrikam.com\n\nmx.example.net:25\n\n"
    result = CliRunner().invoke(command, input=answers)
    assert result.exit_code == 0, result.output
    assert choices["senders"] == ["@contoso.com", "a@fabrikam.com"]


def test_senders_of_microsofts_domain_can_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "gatepost.toml"
    run(path, *SES, "--managed-sender", "app@contoso.com")
    [outside] = parse_config(path.read_text()).routes[-1].chain
    assert outside.send_as == SendAs("app@contoso.com", ("*.azurecomm.net",))  # type: ignore[union-attr]
