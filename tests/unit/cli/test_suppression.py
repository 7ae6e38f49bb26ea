"""``gatepost suppression add``: the file with addresses."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gatepost.cli.suppression import add


def test_a_file_that_is_not_utf_8_is_a_mistake_of_the_user(tmp_path: Path) -> None:
    file = tmp_path / "unsubscribed.txt"
    file.write_bytes(b"ren\xe9@example.net\n")
    with pytest.raises(click.UsageError, match="the file is not UTF-8"):
        CliRunner().invoke(
            add, ["--file", str(file)], standalone_mode=False, catch_exceptions=False
        )
