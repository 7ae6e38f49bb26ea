"""A data directory knows where its mail is, and a change of the place is said."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gatepost.app.store_location import DATABASE, FILE, find_database, has_store, note_database
from gatepost.client.named_secret import NamedSecret
from gatepost.config.settings import DatabaseSettings
from gatepost.errors import Unreadable

ELSEWHERE = DatabaseSettings(NamedSecret("environment", "DATABASE"), "mail", "one")


def test_a_directory_without_a_file_has_its_own_store(tmp_path: Path) -> None:
    assert find_database(tmp_path) is None
    assert not has_store(tmp_path)
    assert note_database(tmp_path, None) == ""
    (tmp_path / DATABASE).touch()
    assert has_store(tmp_path)


def test_a_database_is_noted_and_found(tmp_path: Path) -> None:
    assert note_database(tmp_path, ELSEWHERE) == ""
    assert find_database(tmp_path) == ELSEWHERE
    assert has_store(tmp_path)
    assert note_database(tmp_path, ELSEWHERE) == ""


def test_the_times_of_a_node_are_noted_for_its_commands(tmp_path: Path) -> None:
    slow = replace(ELSEWHERE, beat=timedelta(seconds=20), dead_after=timedelta(seconds=90))
    note_database(tmp_path, slow)
    assert find_database(tmp_path) == slow
    fields = json.loads((tmp_path / FILE).read_text())
    for each in ("beat", "dead_after"):  # a file of an older program
        del fields[each]
    (tmp_path / FILE).write_text(json.dumps(fields))
    assert find_database(tmp_path) == ELSEWHERE


def test_a_file_with_the_url_is_found_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    note_database(tmp_path, DatabaseSettings(NamedSecret("file", "url"), "mail", ""))
    found = find_database(tmp_path)
    assert found is not None
    assert found.url == NamedSecret("file", str(tmp_path / "url"))


def test_mail_that_is_left_behind_is_said(tmp_path: Path) -> None:
    (tmp_path / DATABASE).touch()
    assert "what is in" in note_database(tmp_path, ELSEWHERE)
    assert "what is in the database stays there" in note_database(tmp_path, None)
    assert find_database(tmp_path) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"url": ["file"]}), "\xff"])
def test_a_damaged_file_is_an_error_until_the_next_start(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, "latin-1")
    with pytest.raises(Unreadable, match=r"store\.json"):
        find_database(tmp_path)
    assert note_database(tmp_path, ELSEWHERE) == ""
    assert find_database(tmp_path) == ELSEWHERE
