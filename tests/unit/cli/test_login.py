"""What ``gatepost login`` says before anybody signs in."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gatepost.cli.exchange import exchange
from gatepost.cli.login import login


def google(*arguments: str) -> Result:
    return CliRunner().invoke(login, ["google", "--client-id", "app", "--no-browser", *arguments])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the client secret file is empty"),
        (b"\n", "the client secret file is empty"),
        (b"\xff", "the client secret file is not UTF-8"),
        (b"{\n}", "must have the client secret alone"),
    ],
)
def test_a_file_without_a_secret(tmp_path: Path, content: bytes, problem: str) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    result = google("--client-secret-file", str(file))
    assert (result.exit_code, problem in result.output) == (2, True), result.output


def test_a_place_that_cannot_be_written_is_found_before_the_sign_in(tmp_path: Path) -> None:
    result = google("--save", str(tmp_path / "none" / "token"))
    assert result.exit_code == 1
    assert "its directory does not exist" in result.output
    assert "Open " not in result.output


@pytest.mark.parametrize("content", [b"a = \xff", b"a = ", b"a = " + b"[" * 100_000])
def test_an_organisation_that_is_no_toml(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "organisation.toml"
    file.write_bytes(content)
    result = CliRunner().invoke(exchange, ["apply", str(file)])
    assert result.exit_code == 1
    assert str(file) in result.output
