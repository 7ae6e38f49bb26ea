"""Correct files have no findings."""

import pytest

from gatepost.diagnosis.diagnose import diagnose
from gatepost.doctor.settings_files.read_settings_file import read_config
from tests.unit.doctor.settings_files.files import HEALTHY


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_file_gives_no_finding(name: str) -> None:
    diagnosis = diagnose(read_config(HEALTHY[name].encode(), name))
    assert [(each.id, each.proof) for each in diagnosis.findings] == []
    # Nothing is set where no mail goes out, and nothing is said of it.
    assert diagnosis.verdict == ("unknown" if name == "symfony-null/.env" else "healthy")
