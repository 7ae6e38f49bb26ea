"""Columns: as wide as the terminal, and complete in a pipe."""

import os

import pytest

from gatepost.cli.tables import print_rows, several

ROW = ["1-1", "cannot connect to smtp.example.com:587 (smtp.example.com:587: Connection refused)"]


def at_a_terminal(monkeypatch: pytest.MonkeyPatch, wide: str) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", wide)


@pytest.mark.parametrize(("wide", "is_whole"), [("", False), ("60", False), ("140", True)])
def test_a_row_is_cut_where_the_terminal_ends(
    wide: str, is_whole: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at_a_terminal(monkeypatch, wide)
    monkeypatch.setattr("os.get_terminal_size", lambda _number: os.terminal_size((0, 0)))
    print_rows(("ID", "LAST REPLY"), [ROW])
    _, line = capsys.readouterr().out.splitlines()
    assert len(line) == (len("  ".join(ROW)) if is_whole else int(wide or 80))
    assert line.endswith("…") is not is_whole


@pytest.mark.parametrize("wide", ["", "20", "60"])
def test_nothing_is_cut_in_a_pipe(
    wide: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", wide)
    print_rows(("ID", "FROM", "LAST REPLY"), [["1-1", "a" * 80, ROW[1]]], spare=("FROM",))
    _, line = capsys.readouterr().out.splitlines()
    assert line == f"1-1  {'a' * 80}  {ROW[1]}"
    assert several(["a", "b", "c"]) == "a, b, c"


def test_spare_columns_are_left_out_at_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    titles, row = ("ID", "FROM", "TO", "TEXT"), ["1-1", "a" * 30, "b" * 30, "c" * 30]
    shown = {}
    for wide in (110, 60, 40, 30):
        at_a_terminal(monkeypatch, str(wide))
        print_rows(titles, [row], whole=("ID",), spare=("FROM", "TO"))
        head, line = capsys.readouterr().out.splitlines()
        assert len(line) <= wide
        shown[wide] = head.split()
    assert shown == {
        110: ["ID", "FROM", "TO", "TEXT"], 60: ["ID", "FROM", "TO", "TEXT"],
        40: ["ID", "TO", "TEXT"], 30: ["ID", "TEXT"],
    }  # fmt: skip
    assert several(["a", "b", "c"]) == "a +2"
    assert several(["a"]) == "a"
    assert several([]) == ""
