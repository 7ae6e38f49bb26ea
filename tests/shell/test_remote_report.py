"""Reports of front processes reach the operator as if there were one process."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gatepost.control.socket_server import ControlServer
from gatepost.operator_log.sentences import EventFormatter, format_event
from gatepost.operator_log.writer import Reporter
from gatepost.processes.control_socket import SOCKET
from gatepost.processes.front_process import RemoteReport
from gatepost.processes.rpc import Calls
from gatepost.testing.memory import MemoryStore
from tests.contract.directories import azure

LEAD = len("2026-11-24T10:15:00+00:00 ")
ODD = "grüße\n\udcff"
"""Breaks a line, and is not Unicode: a client may say it."""


async def report_from_a_front(data: Path, reporter: Reporter) -> None:
    directory = (await azure()).directory
    server = await ControlServer(data, MemoryStore(), directory, reporter=reporter).serve()
    calls = await Calls.connect(data / SOCKET)
    report = await RemoteReport.connect(calls)
    report("signed_in", principal="app", mechanism="LOGIN", peer="::1")
    await calls.call(int, "count")  # with which that goes
    report("odd", said=ODD)
    report("closed", peer="::1", reply="221 2.0.0 Bye", reason="")
    calls.close()
    await calls.lost.wait()
    report("unheard")
    server.close()
    await asyncio.sleep(0.01)


def told(data: Path, *, as_json: bool) -> list[str]:
    reading, writing = os.pipe()
    reporter = Reporter(writing, as_json=as_json)
    asyncio.run(report_from_a_front(data, reporter))
    reporter.close()
    os.close(writing)
    with os.fdopen(reading) as stream:
        return stream.read().splitlines()


def test_a_person_reads_sentences(tmp_path: Path) -> None:
    first, odd, last = told(tmp_path, as_json=False)
    assert first[LEAD:] == "info signed in app with LOGIN from ::1"
    assert odd[LEAD:] == f"info {format_event('odd', {'said': ODD})}" == "info odd said=grüße??"
    assert last[LEAD:] == "info closed ::1: 221 2.0.0 Bye"


def test_a_program_reads_json(tmp_path: Path) -> None:
    lines = [json.loads(line) for line in told(tmp_path, as_json=True)]
    assert [each["event"] for each in lines] == ["signed_in", "odd", "closed"]
    assert lines[0]["time"].endswith("Z")
    assert lines[0]["principal"] == "app"
    assert lines[1]["said"] == "grüße\n\\udcff"


class Stuck:
    """Calls to a store process that stops reading for a while."""

    def __init__(self) -> None:
        self.lost = asyncio.Event()
        self.unsent = 1
        self.takes: list[Callable[[], list[str]]] = []

    def tell_soon(self, _operation: str, take: Callable[[], list[str]]) -> None:
        self.takes.append(take)


def test_unread_lines_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatepost.processes.front_process.MAX_WAITING", 3)
    calls: Any = Stuck()
    report = RemoteReport(calls, EventFormatter(as_json=True))

    def told() -> list[Any]:
        [take] = calls.takes
        calls.takes = []
        lines = [json.loads(line) for line in take()]
        return [each.get("count", each["event"]) for each in lines]

    report("first")
    assert told() == ["first"]
    for _ in range(5):
        report("next")
    assert told() == ["next", "next"]
    report("unheard")
    assert not calls.takes
    calls.unsent = 0
    report("last")
    assert told() == ["last", 4]
