"""That the fork server of the tests starts processes as ``subprocess`` does."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import fork_server

SHOW = (
    "import os, sys; print(sys.argv[1:], os.getcwd(), os.environ['A']); sys.exit(sys.stdin.read())"
)


def test_a_process_has_its_arguments_streams_directory_and_environment(tmp_path: Path) -> None:
    command, environment = [sys.executable, "-c", SHOW, "b", ""], {**os.environ, "A": "c=d"}
    ways = [
        run(command, input="bye", capture_output=True, text=True, cwd=tmp_path, env=environment)
        for run in (fork_server.run, subprocess.run)
    ]
    forked, new = [(done.returncode, done.stdout, done.stderr) for done in ways]
    assert forked == new == (1, f"['b', ''] {tmp_path} c=d\n", "bye\n")


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_signal_ends_it(end: signal.Signals) -> None:
    code = "import time; print(flush=True); time.sleep(60)"
    command = [sys.executable, "-c", code]
    with fork_server.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"\n"
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        os.killpg(process.pid, end)
        assert process.wait(10) == process.poll() == -end


def test_another_program_is_started_as_usual() -> None:
    assert fork_server.run(["sh", "-c", "exit 3"]).returncode == 3


def test_a_process_has_the_descriptors_that_are_passed_and_no_others() -> None:
    reads, writes = os.pipe()
    code = f"import os; os.write({writes}, b'here'); os.fstat({reads})"
    command = [sys.executable, "-c", code]
    done = fork_server.run(command, pass_fds=[writes], stderr=subprocess.PIPE)
    os.close(writes)
    assert (os.read(reads, 100), done.returncode) == (b"here", 1)
    assert b"Bad file descriptor" in done.stderr
    os.close(reads)
