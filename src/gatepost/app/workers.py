"""Front processes: they take connections, TLS and SASL off the store process."""

import asyncio
import contextlib
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gatepost.errors import GatepostError
from gatepost.relay.context import Report

RESTART_DELAY: Final = 0.5
READY: Final = b"ready\n"
START_TIMEOUT: Final = 30.0
STARTS: Final = 3
"""Processes that may end one after the other before they accept: one may be killed, when memory is
short; if none comes up it is of no use to go on."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """What a front process runs, what it reads on its standard input, and what it inherits."""

    program: str
    """A module of ours."""
    text: bytes
    """One line."""
    descriptors: tuple[int, ...]
    """Of listening sockets, which are ours and outlive it."""


class _Slot:
    """One front process, started again when it dies, until it is retired or stopped."""

    def __init__(self, instruction: Instruction, report: Report) -> None:
        self._instruction = instruction
        self._report = report
        self._over = False
        self._process: Process | None = None
        self.started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.task = asyncio.create_task(self._keep_alive())

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    async def _keep_alive(self) -> None:
        starts = 0
        while not self._over:
            starts += 1
            try:
                ended = await self._run()
            except (OSError, RuntimeError) as error:  # no process, or the pipe of one that is gone
                ended = str(error)
            if not self.started.done() and (starts >= STARTS or self._is_over()):
                self.started.set_exception(GatepostError(f"a front process did not start: {ended}"))
            if not self._over:
                self._report("worker_died", reason=ended)
                await asyncio.sleep(RESTART_DELAY)

    def _is_over(self) -> bool:
        """Tell whether it was ended meanwhile."""
        return self._over

    async def _run(self) -> str:
        """Run one process to its end; return how that was."""
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", self._instruction.program,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            pass_fds=self._instruction.descriptors,
        )  # fmt: skip
        try:
            if self._over:
                process.terminate()
            assert process.stdin is not None  # noqa: S101 - it was asked for
            assert process.stdout is not None  # noqa: S101
            process.stdin.write(self._instruction.text + b"\n")
            await process.stdin.drain()
            if await process.stdout.readline() == READY and not self.started.done():
                self.started.set_result(None)
            return f"process {process.pid} ended with {await process.wait()}"
        finally:
            self._process = None

    def end(self, number: int) -> None:
        """Send a signal to the process, and start no other."""
        self._over = True
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)


class Workers:
    """N front processes on sockets that are ours and outlive them."""

    def __init__(self, instruction: Instruction, report: Report) -> None:
        self._instruction = instruction
        self._report = report
        self._slots: list[_Slot] = []
        self._retiring: set[_Slot] = set()

    @property
    def pids(self) -> Sequence[int]:
        """The processes that take connections now."""
        return sorted(each.pid for each in self._slots if each.pid is not None)

    async def start(self, number: int) -> None:
        """Start ``number`` processes; return when every one accepts. Raises GatepostError."""
        self._slots += [_Slot(self._instruction, self._report) for _ in range(number)]
        await _wait_started(self._slots)

    async def replace(self, instruction: Instruction, number: int) -> None:
        """Put ``number`` processes with other instructions in the place of those that run.

        One after the other: each old one goes on accepting until a new one does, and then ends
        when its last session has. Raises GatepostError when a new one does not start; the old
        ones that are left stay.
        """
        old = self._slots
        for place in range(max(number, len(old))):
            if place < number:
                slot = _Slot(instruction, self._report)
                try:
                    await _wait_started([slot])
                except GatepostError:
                    slot.end(signal.SIGKILL)
                    await asyncio.wait([slot.task])
                    raise
                self._slots = [*self._slots, slot]
            if place < len(old):
                self._retire(old[place])
        self._instruction = instruction

    def _retire(self, slot: _Slot) -> None:
        self._slots = [each for each in self._slots if each is not slot]
        self._retiring.add(slot)
        slot.task.add_done_callback(lambda _: self._retiring.discard(slot))
        slot.end(signal.SIGHUP)

    async def stop(self, seconds: float) -> None:
        """Let every process drain; kill what is left after that."""
        slots = [*self._slots, *self._retiring]
        for slot in slots:
            slot.end(signal.SIGTERM)
        tasks = [slot.task for slot in slots if not slot.task.done()]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for slot in slots:
            slot.end(signal.SIGKILL)
        if late:
            await asyncio.wait(late, timeout=2.0)


async def _wait_started(slots: Sequence[_Slot]) -> None:
    try:
        async with asyncio.timeout(START_TIMEOUT):
            await asyncio.gather(*[each.started for each in slots])
    except TimeoutError:
        raise GatepostError("a front process did not start in time") from None
