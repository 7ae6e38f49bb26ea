"""``pytest --workers N`` (tests/parallel.py): what a run of several processes reports."""

import subprocess
import sys
from pathlib import Path

from tests import parallel

CRASHES = """
import os, signal

def test_before():
    pass

def test_in_the_middle():
    print("what it wrote")
    os.kill(os.getpid(), signal.SIGKILL)

def test_after():
    pass

def test_at_the_end():
    os.kill(os.getpid(), signal.SIGKILL)
"""
PASSES = """
def test_before():
    pass

def test_after():
    pass
"""


def test_a_test_that_ends_its_process_has_failed_and_all_others_run(tmp_path: Path) -> None:
    for name, text in (("a", CRASHES), ("b", PASSES), ("c", CRASHES), ("d", PASSES)):
        (tmp_path / f"test_{name}.py").write_text(text)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--disable-plugin-autoload", "-p", "tests.parallel",
         "--workers", "2", str(tmp_path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "4 failed, 8 passed" in done.stdout, done.stdout + done.stderr
    assert done.stdout.count("ended its process with -9\n") == 4
    assert done.stdout.count("what it wrote\n") == 2
    assert done.returncode == 1


def test_what_waits_is_spread_among_what_computes() -> None:
    waiting, computing = [[0, 1], [2]], [[number] for number in range(3, 11)]
    spread = parallel.spread(waiting, computing)
    assert spread[:5] == [[0, 1], [3], [4], [5], [2]]
    assert sorted(spread) == sorted(waiting + computing)
    assert parallel.spread(waiting, []) == waiting
