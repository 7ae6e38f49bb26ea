"""The catalogue's files are as they should be, and the model is trained from them."""

import tomllib
from pathlib import Path

import pytest

from accuracy.catalogue_files import digest, find_files, find_mistakes
from gatepost.diagnosis.ranking.model import load_model


@pytest.mark.parametrize("path", list(find_files()), ids=lambda path: path.name)
def test_a_file_of_the_catalogue_has_no_mistake(path: Path) -> None:
    assert list(find_mistakes(path, tomllib.loads(path.read_text("utf-8")))) == []


def test_mistakes_are_found() -> None:
    text = """
        name = "Some server"
        kind = "mail"
        color = "red"
        text = [
            {words = "Access denied", causes = {nothing = 1}, steps = ["later"]},
            {words = "no access", causes = {bad_credentials = 1, rate_limited = 1}, proves = true},
            {words = "no access"},
        ]
    """
    mistakes = list(find_mistakes(Path("some.toml"), tomllib.loads(text)))
    assert [each.removeprefix("some.toml: ") for each in mistakes] == [
        "unknown key color", "no source", "no version", "kind mail",
        "'Access denied': words must be lower case, without blanks or * at their ends",
        "'Access denied': step later", "'Access denied': cause nothing",
        "'no access': proves several causes",
        "'no access': twice", "'no access': no cause",
    ]  # fmt: skip


def test_the_model_is_trained_from_this_catalogue() -> None:
    assert load_model().digest == digest(), "run make train"
