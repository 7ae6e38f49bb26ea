"""What front processes tell the operator: as if there were one process."""

import asyncio
import json
import os
from pathlib import Path

from gatepost.app.control import Shared, serve_control
from gatepost.app.hurry import SOCKET
from gatepost.app.remote_report import RemoteReport
from gatepost.app.report import Reporter
from gatepost.app.rpc import Calls
from gatepost.app.spelling import spell
from gatepost.store.memory import MemoryStore
from tests.contract.directories import azure

ODD = "grüße\n\udcff"
"""Breaks a line, and is no Unicode: a client may say it."""


async def report_from_a_front(data: Path, reporter: Reporter) -> None:
    directory = (await azure()).directory
    server = await serve_control(data, MemoryStore(), directory, Shared(reporter=reporter))
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
    assert first[9:] == "signed in app with LOGIN from ::1"
    assert odd[9:] == spell("odd", {"said": ODD}) == "odd said=grüße??"
    assert last[9:] == "closed ::1: 221 2.0.0 Bye"


def test_a_program_reads_json(tmp_path: Path) -> None:
    lines = [json.loads(line) for line in told(tmp_path, as_json=True)]
    assert [each["event"] for each in lines] == ["signed_in", "odd", "closed"]
    assert lines[0]["time"].endswith("Z")
    assert lines[0]["principal"] == "app"
    assert lines[1]["said"] == ascii(ODD)
