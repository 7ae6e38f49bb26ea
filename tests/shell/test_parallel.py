"""``pytest --workers N`` (tests/parallel.py): what a run of several processes reports."""

import subprocess
import sys
from pathlib import Path

TESTS = """
import os, signal, sys

def test_before():
    pass

def test_crash():
    print("what it wrote")
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)

def test_after():
    pass
"""


def test_a_test_that_ends_its_process_has_failed_and_the_others_run(tmp_path: Path) -> None:
    for name in ("test_one.py", "test_two.py"):
        (tmp_path / name).write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--disable-plugin-autoload", "-p", "tests.parallel",
         "--workers", "2", str(tmp_path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "2 failed, 4 passed" in done.stdout, done.stdout + done.stderr
    assert done.stdout.count("ended its process with -9") == 2
    assert done.stdout.count("what it wrote\n") == 2
    assert done.returncode == 1
