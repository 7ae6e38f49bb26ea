"""What every front process does: it calls the store process, and ends when told to."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from gatepost.errors import GatepostError
from gatepost.net.listen import Listener
from gatepost.operator_log.sentences import EventFormatter
from gatepost.operator_log.writer import MAX_WAITING
from gatepost.processes.control_socket import SOCKET
from gatepost.processes.event_loop import DRAIN, report_faults, run
from gatepost.processes.remote_clock import RemoteClock
from gatepost.processes.remote_directory import RemoteDirectory
from gatepost.processes.remote_store import RemoteStore
from gatepost.processes.rpc import Calls
from gatepost.processes.stray_signals import ignore_stray_signals
from gatepost.processes.workers import OPEN, READY, RETIRE
from gatepost.relay.connection_supervisor import Supervisor
from gatepost.relay.listener_state import ListenerState


class RemoteReport:
    """A ``ReportEvent`` over calls. Lines that are sent together are one list.

    If the store process does not read for long, lines are dropped and counted, as the store process
    does with its own lines.
    """

    def __init__(self, calls: Calls, formatter: EventFormatter) -> None:
        self._calls, self._formatter = calls, formatter
        self._lines: list[str] = []
        self._queued = 0
        """Lines since there was last nothing left to send."""
        self._dropped = 0

    @classmethod
    async def connect(cls, calls: Calls) -> "RemoteReport":
        """Ask in which form the operator wants lines."""
        return cls(calls, EventFormatter(as_json=await calls.call(bool, "lines_are_json")))

    def __call__(self, event: str, **facts: Any) -> None:
        """Report one event."""
        if self._calls.lost.is_set():
            return  # we stop soon
        if not self._lines and not self._calls.unsent:
            self._queued = 0
        if self._queued >= MAX_WAITING:
            self._dropped += 1
            return
        if not self._lines:
            self._calls.tell_soon("lines", self._take)
        self._queued += 1
        self._lines.append(self._formatter.line(time.time(), event, facts))

    def _take(self) -> Sequence[str]:
        lines, self._lines = self._lines, []
        if self._dropped and self._queued < MAX_WAITING:  # it goes on
            count, self._dropped = self._dropped, 0
            lines.append(self._formatter.line(time.time(), "lines_dropped", {"count": count}))
        return lines


T = TypeVar("T")
ListenerWithState = tuple[Listener, ListenerState]

LONGEST: Final = 3600.0
"""Seconds for the sessions of a front process that another one has replaced."""


@dataclass(frozen=True, slots=True)
class FrontProcess:
    """The connection to the store process, and what is reached over it."""

    calls: Calls
    store: RemoteStore
    directory: RemoteDirectory
    report: RemoteReport
    clock: RemoteClock

    @classmethod
    async def connect(cls, data: Path) -> "FrontProcess":
        """Connect. Raises ConnectError."""
        calls = await Calls.connect(data / SOCKET)
        report = await RemoteReport.connect(calls)
        report_faults(report)
        clock = await RemoteClock.connect(calls)
        directory = await RemoteDirectory.connect(calls, clock.timestamp)
        return cls(calls, RemoteStore(calls), directory, report, clock)

    async def serve(self, supervisor: Supervisor, listeners: Sequence[ListenerWithState]) -> None:
        """Report that we are ready, and accept when told to; serve until SIGTERM, until told that
        another process replaces us, or until the store process ends.

        SIGTERM drains. When we are replaced, we accept no more, and end when the last session has
        ended by itself.
        """
        loop = asyncio.get_running_loop()
        may_accept, stop, retire = asyncio.Event(), asyncio.Event(), asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        loop.add_signal_handler(signal.SIGINT, lambda: None)  # sent to the parent, too

        def read_order() -> None:
            order = os.read(sys.stdin.fileno(), len(OPEN + RETIRE))
            if not order:  # it is the end of the parent, and ours
                loop.remove_reader(sys.stdin.fileno())
            if not order or OPEN in order:
                may_accept.set()
            if RETIRE in order:
                retire.set()

        loop.add_reader(sys.stdin.fileno(), read_order)
        os.write(sys.stdout.fileno(), READY)
        opened, lost, stopped, retired = (
            asyncio.ensure_future(each.wait())
            for each in (may_accept, self.calls.lost, stop, retire)
        )
        ends = [lost, stopped, retired]
        await asyncio.wait([opened, *ends], return_when=asyncio.FIRST_COMPLETED)
        if may_accept.is_set():
            for listener, state in listeners:
                await supervisor.serve(listener, state)
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if retire.is_set():
            leaving = asyncio.ensure_future(supervisor.retire())
            await asyncio.wait(
                [lost, stopped, leaving], timeout=LONGEST, return_when=asyncio.FIRST_COMPLETED
            )
            leaving.cancel()
        await supervisor.drain(DRAIN)
        for each in (opened, *ends):
            each.cancel()
        self.calls.close()


def run_front(kind: type[T], serve: Callable[[T], Coroutine[Any, Any, None]]) -> None:
    """Run a front process by the instruction on its standard input, a ``kind``.

    If it cannot start, it prints the reason instead of READY.
    """
    ignore_stray_signals("SIGHUP")  # which a terminal sends to the parent, too
    instruction = sys.stdin.buffer.readline()
    if not instruction.endswith(b"\n"):
        sys.exit(1)  # the parent was killed meanwhile
    try:
        run(serve(msgspec.json.decode(instruction, type=kind)))
    except (GatepostError, OSError) as error:
        with suppress(OSError):
            why = " ".join(str(error).split())
            os.write(sys.stdout.fileno(), f"{why}\n".encode("utf-8", "replace"))
        sys.exit(1)
