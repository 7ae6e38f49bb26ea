"""These tests execute exactly the fixes that the tables mark as executed."""

import pytest

from gatepost.diagnosis.remedies.catalog import LIBRARIES
from tests.clients.remedies.test_packages import CASES as PACKAGES
from tests.clients.remedies.test_scripts import CASES as SCRIPTS

PROVEN = {**SCRIPTS, **PACKAGES}


@pytest.mark.parametrize("library", LIBRARIES)
def test_remedies_marked_as_executed_are_executed(library: str) -> None:
    proven = [case.cause for case in PROVEN.get(library, ())]
    assert sorted(proven) == sorted(LIBRARIES[library].executed)
