"""What ``gatepost migrate acs`` says of its options."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from gatepost.cli.migrate import migrate


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"eyJ0eXAi\neyJ0eXAi\n", "must have the token alone, in one line"),
        (b"Bearer eyJ0eXAi\n", "must have the token alone, in one line"),
        ("t\u00f6ken\n".encode(), "must have the token alone, in one line"),
        (b"\n", "the token file is empty"),
    ],
)
def test_a_file_with_anything_but_a_token(tmp_path: Path, content: bytes, problem: str) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    result = CliRunner().invoke(migrate, ["acs", "--dry-run", "--token-file", str(file)])
    assert (result.exit_code, problem in result.output) == (2, True), result.output
