"""A process that prints what it has done, and is killed at some moment."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests import fork_server

ROOT = Path(__file__).parents[2]


def lines_until_killed(module: str, directory: Path, after: float) -> list[str]:
    """Run ``python -m module directory``, kill its process group ``after`` seconds from its
    first line, and return its complete lines."""
    child = fork_server.Popen(
        [sys.executable, "-m", module, str(directory)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert child.stdout is not None
    with child, child.stdout:
        lines = [child.stdout.readline()]
        time.sleep(after)
        os.killpg(child.pid, signal.SIGKILL)
        lines += child.stdout.readlines()
    assert child.returncode == -signal.SIGKILL
    return [line.decode().strip() for line in lines if line.endswith(b"\n")]
