"""The public names of gatepost.testing."""

import subprocess
import sys

import pytest

import gatepost.testing


@pytest.mark.parametrize("name", gatepost.testing.__all__)
def test_each_name_is_there_and_documented(name: str) -> None:
    assert getattr(gatepost.testing, name).__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Emulater"):
        gatepost.testing.Emulater  # noqa: B018  # the access is the test


def test_loading_the_pytest_plugin_imports_nothing_else() -> None:
    program = (
        "import sys, gatepost.testing.pytest_plugin\n"
        "print(*[name for name in sys.modules if name.startswith('gatepost.')])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert set(run.stdout.split()) == {"gatepost.testing", "gatepost.testing.pytest_plugin"}
