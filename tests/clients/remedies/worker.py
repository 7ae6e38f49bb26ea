"""Interpreters that run one program after the other, because a start costs more than a program."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

from tests.clients.node import packages
from tests.clients.remedies.proof import SUBJECT, Order, Outcome
from tests.commands import RECIPIENT

HERE: Final = Path(__file__).parent
PYTHON: Final = (sys.executable, str(HERE / "programs.py"))
NODE: Final = (str(packages.NODE), str(packages.HERE / "programs.mjs"))


class Worker:
    """A process that reads a JSON object a line and answers with one."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | environment,
            text=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._in: IO[str] = self._process.stdin
        self._out: IO[str] = self._process.stdout

    def run(self, order: Order) -> Outcome:
        self._in.write(json.dumps(described(order)) + "\n")
        self._in.flush()
        answer: dict[str, Any] = json.loads(self._out.readline())
        return Outcome(answer["ok"], answer["output"])

    def close(self) -> None:
        self._in.close()
        self._out.close()
        self._process.kill()
        self._process.wait()


class Workers:
    """The workers of one interpreter: one for each authority that programs trust."""

    def __init__(self, command: Sequence[str], variable: str) -> None:
        self._command = command
        self._variable = variable
        self._started: dict[str, Worker] = {}

    def run(self, order: Order) -> Outcome:
        ca_file = order.ca_file
        if ca_file not in self._started:
            trust = {self._variable: ca_file} if ca_file else {}
            self._started[ca_file] = Worker(self._command, trust)
        return self._started[ca_file].run(order)

    def close(self) -> None:
        for worker in self._started.values():
            worker.close()


def described(order: Order) -> dict[str, Any]:
    """Return what a program gets: credentials and message."""
    return {
        "code": order.code,
        "username": order.ground.relay.username,
        "password": order.ground.secret,
        "sender": order.sender,
        "recipient": RECIPIENT,
        "subject": SUBJECT,
        "library": order.library,
        "ca_file": order.ca_file,
    }
