"""The names that users import, and what they cost."""

import subprocess
import sys
from pathlib import Path

import gatepost


def test_every_public_name_is_there() -> None:
    for name in gatepost.__all__:
        assert getattr(gatepost, name) is not None
    assert set(gatepost.__all__) <= set(dir(gatepost))


def test_private_names_are_not_exported() -> None:
    assert not hasattr(gatepost, "SyncStream")


def test_the_types_are_declared_as_they_are_loaded() -> None:
    """What a type checker sees and what Python loads are two lists; they must be one."""
    declared = {
        line.split()[-1]
        for line in Path(gatepost.__file__).read_text("utf-8").splitlines()
        if line.startswith("    from gatepost.")
    }
    assert declared == set(gatepost.__all__)


def test_sending_in_blocking_calls_loads_no_asyncio() -> None:
    script = "import gatepost, sys; gatepost.send; print('asyncio' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
