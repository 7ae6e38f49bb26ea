"""The process around the loop: concurrent steps of reloads and stops, and faults."""

import asyncio
import os
import sys
import threading
from typing import Any

import pytest

from gatepost.errors import GatepostError
from gatepost.processes.event_loop import report_faults, side_by_side, use_batch_scheduling
from gatepost.processes.open_files import too_few_files


async def fail() -> None:
    raise GatepostError("a front process did not start")


def test_a_step_that_fails_does_not_keep_the_other_from_its_end() -> None:
    async def main() -> None:
        other = asyncio.Event()

        async def go_on() -> None:
            await asyncio.sleep(0)
            other.set()

        with pytest.raises(GatepostError, match="did not start"):
            await side_by_side(go_on(), fail())
        assert other.is_set()

    asyncio.run(main())


def test_too_few_files_for_the_clients_are_noticed() -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1000, hard))
    try:
        assert "1000 files" in too_few_files(950)
        assert too_few_files(900) == ""
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_cancelling_cancels_all_tasks() -> None:
    async def main() -> None:
        ended: list[str] = []

        async def wait() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("cancelled")

        both = asyncio.create_task(side_by_side(wait(), wait()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        both.cancel()
        with pytest.raises(asyncio.CancelledError):
            await both
        assert ended == ["cancelled"] * 2

    asyncio.run(main())


def test_uncaught_errors_are_reported_without_arguments() -> None:
    told: list[tuple[str, dict[str, Any]]] = []

    def report(event: str, **facts: Any) -> None:
        told.append((event, facts))

    def callback(_secret: str) -> None:
        raise LookupError("secret words")

    async def main() -> None:
        report_faults(report)
        asyncio.get_running_loop().call_soon(callback, "secret words")
        await asyncio.sleep(0)

    asyncio.run(main())
    [(event, facts)] = told
    assert event == "internal_error"
    assert facts["reason"].startswith("LookupError at ")
    assert "secret" not in facts["reason"]


def test_a_repeated_fault_is_reported_at_intervals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """asyncio reports each of 1,025 attempts per second when no descriptor is left."""
    told: list[str] = []

    def report(event: str, **facts: Any) -> None:
        assert event == "internal_error"
        told.append(facts["reason"])

    async def main() -> None:
        report_faults(report)
        loop = asyncio.get_running_loop()
        for message in ("no file", "no file", "another", "another", "no file"):
            loop.call_exception_handler({"message": message})
        monkeypatch.setattr(loop, "time", lambda: float("inf"))
        loop.call_exception_handler({"message": "no file"})

    asyncio.run(main())
    assert told == ["no file", "another", "no file", "no file"]


@pytest.mark.skipif(sys.platform != "linux", reason="Linux knows batch processes")
@pytest.mark.parametrize("before", ["SCHED_OTHER", "SCHED_IDLE"])
def test_processes_use_batch_scheduling_unless_started_with_another_policy(before: str) -> None:
    policies: list[int] = []

    def start() -> None:
        os.sched_setscheduler(0, getattr(os, before), os.sched_param(0))
        use_batch_scheduling()
        policies.append(os.sched_getscheduler(0))

    thread = threading.Thread(target=start)  # a policy is a thread's, and what it starts has it
    thread.start()
    thread.join()
    assert policies == [os.SCHED_BATCH if before == "SCHED_OTHER" else os.SCHED_IDLE]
