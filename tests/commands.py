"""Run the program as a user does, and return its output."""

import subprocess
import sys
from pathlib import Path

import pytest

from gatepost.cli.main import main
from tests import fork_server

GATEPOST = str(Path(sys.executable).with_name("gatepost"))
RECIPIENT = "recipient@example.net"
PATIENCE = 60.0


def ask(data: Path, *arguments: str) -> bytes:
    """Return the output of ``gatepost ARGUMENTS`` for this data directory; the relay may run or
    not."""
    command = [GATEPOST, *arguments, "--data", str(data)]
    done = fork_server.run(command, check=True, stdout=subprocess.PIPE, timeout=PATIENCE)
    return bytes(done.stdout)


def count(data: Path) -> int:
    """Return the number of messages."""
    return int(ask(data, "messages", "count"))


def doctor(*arguments: str) -> int:
    """Return the exit code of ``gatepost doctor ARGUMENTS``, run in this process."""
    return gatepost("doctor", *arguments)


def gatepost(*arguments: str) -> int:
    """Return the exit code of ``gatepost ARGUMENTS``, run in this process."""
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert isinstance(ended.value.code, int)
    return ended.value.code
