"""Findings of commands about a store are kept for the relay, reported once, and never block it."""

from pathlib import Path

from gatepost.app.opening_events import FILE, leave_news, take_news

GONE, OLDER = ("store_gone", "of \udcff"), ("store_older", "by a day")


def test_news_of_several_commands_are_reported_once(tmp_path: Path) -> None:
    leave_news(tmp_path, [GONE])
    leave_news(tmp_path, [OLDER])
    assert take_news(tmp_path) == [GONE, OLDER]
    assert take_news(tmp_path) == []


def test_meaningless_lines_do_not_prevent_a_start(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('null\n5\n["one"]\n\0\n["half')
    leave_news(tmp_path, [])
    assert take_news(tmp_path) == []
    (tmp_path / FILE).write_bytes(b"\xff\n")
    assert take_news(tmp_path) == []
