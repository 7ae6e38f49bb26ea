"""Real-world files: ``met.txt`` has them, each with its cause, or none."""

import re
from pathlib import Path

import pytest

from gatepost.diagnosis.diagnose import diagnose
from gatepost.doctor.settings_files.read_settings_file import read_config

_BLOCK = re.compile(r"^== ", re.MULTILINE)


def met() -> list[tuple[str, str, str]]:
    """``== cause | file``, then the file's lines; ``healthy`` where there is no cause."""
    blocks = _BLOCK.split(Path(__file__).with_name("met.txt").read_text("utf-8"))[1:]
    found = []
    for block in blocks:
        head, _, text = block.partition("\n")
        cause, name = (part.strip() for part in head.split("|"))
        found.append((cause, name, text.rstrip("\n") + "\n"))
    return found


MET = met()


@pytest.mark.parametrize("number", range(len(MET)), ids=lambda number: f"{number}-{MET[number][0]}")
def test_a_file_as_it_is_met(number: int) -> None:
    cause, name, text = MET[number]
    diagnosis = diagnose(read_config(text.encode(), name))
    found = {each.id: each.proof for each in diagnosis.findings}
    if cause == "healthy":
        assert found == {}
    else:
        assert cause in found, found
        assert len(found) <= 3, found
