"""Columns: as wide as the terminal, and 80 characters without one."""

import os

import pytest

from gatepost.cli.tables import print_rows

ROW = ["1-1", "cannot connect to smtp.example.com:587 (smtp.example.com:587: Connection refused)"]


@pytest.mark.parametrize(("wide", "is_whole"), [("", False), ("60", False), ("140", True)])
def test_a_row_is_cut_where_the_terminal_ends(
    wide: str, is_whole: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", wide)
    monkeypatch.setattr("os.get_terminal_size", lambda _number: os.terminal_size((0, 0)))
    print_rows(("ID", "LAST REPLY"), [ROW])
    _, line = capsys.readouterr().out.splitlines()
    assert len(line) == (len("  ".join(ROW)) if is_whole else int(wide or 80))
    assert line.endswith("…") is not is_whole
