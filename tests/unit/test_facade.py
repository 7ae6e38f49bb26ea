"""The names that users import, and what they cost."""

import rlcompleter
import subprocess
import sys
from pathlib import Path

import pytest

import gatepost


def test_every_public_name_is_there() -> None:
    for name in gatepost.__all__:
        assert getattr(gatepost, name) is not None
    assert set(gatepost.__all__) <= set(dir(gatepost))


@pytest.mark.parametrize("module", ["gatepost", "gatepost.testing"])
def test_dir_lists_what_is_for_users(module: str) -> None:
    """Also after the names were used, and other modules of Gatepost imported."""
    script = (
        f"import {module} as module, gatepost.submit, gatepost.cli.main\n"
        "for _ in module.__all__: getattr(module, _)\n"
        "assert set(module.__all__) <= set(dir(module))\n"
        "print(*(name for name in dir(module) if name not in module.__all__))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert all(name.startswith("__") and name.endswith("__") for name in run.stdout.split())


def test_completion_shows_what_is_for_users() -> None:
    completer = rlcompleter.Completer({"gatepost": gatepost})
    matches = completer.attr_matches("gatepost.") or []
    assert {each.removeprefix("gatepost.").rstrip("()") for each in matches} == set(
        gatepost.__all__
    )


def test_python_m_is_the_command_line() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "gatepost", "send", "--nonsense"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 64
    assert "Usage: gatepost send" in run.stderr


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
