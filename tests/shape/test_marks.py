"""No mark keeps a test from being run by every target."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_what_is_thorough_is_where_it_is_run() -> None:
    [recipe] = re.findall(r"^oldest:.*\n(?:\t.*\n)+", (ROOT / "Makefile").read_text(), re.MULTILINE)
    run = tuple(ROOT / each for each in re.findall(r"tests/[\w/.]+", recipe))
    assert ROOT / "tests" / "unit" in run
    marked = [
        path
        for path in ROOT.glob("tests/**/*.py")
        if path != Path(__file__) and "mark.thorough" in path.read_text()
    ]
    elsewhere = [path for path in marked if not any(path.is_relative_to(each) for each in run)]
    assert marked
    assert elsewhere == []
