"""The package as pip installs it, with its data files, used from another directory."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gatepost.doctor.explain import explain
from tests.docs.pages import ROOT

RUN = "import sys; sys.path.insert(0, sys.argv.pop(1)); from gatepost.cli.main import main; main()"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the place of the installation, from a copy, because a build writes into the source."""
    place = tmp_path_factory.mktemp("package")
    source, target = place / "source", place / "target"
    shutil.copytree(
        ROOT / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    subprocess.run(
        [
            sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install",
            "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--no-compile",
            "--target", str(target), str(source),
        ],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    return target


@pytest.mark.parametrize("id", ["mechanism_not_offered", "role_missing", "AADSTS7000215"])
def test_a_finding_is_explained(installed: Path, tmp_path: Path, id: str) -> None:
    command = [sys.executable, "-I", "-c", RUN, str(installed), "doctor", "--explain", id]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == explain(id)


def test_it_is_not_the_source_that_is_run(installed: Path, tmp_path: Path) -> None:
    where = RUN.partition("from gatepost")[0] + "import gatepost; print(gatepost.__file__)"
    command = [sys.executable, "-I", "-c", where, str(installed)]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert Path(shown.stdout.strip()).is_relative_to(installed)


def test_all_data_files_are_installed(installed: Path) -> None:
    kept = {
        path.relative_to(ROOT / "src")
        for path in (ROOT / "src" / "gatepost").rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert [str(each) for each in kept if not (installed / each).is_file()] == []
