"""Front processes: they handle connections, TLS and SASL for the store process."""

import asyncio
import contextlib
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gatepost.errors import GatepostError
from gatepost.model.operator_event import ReportEvent

RESTART_DELAY: Final = 0.5
LONGEST_DELAY: Final = 10.0
"""Maximum delay before a process that cannot start is started again: each start costs a second."""
READY: Final = b"ready\n"
"""A front process prints this when it can accept; otherwise it prints the reason."""
OPEN: Final = b"open\n"
"""The store process then sends this, and the front process accepts."""
RETIRE: Final = b"retire\n"
"""The store process sends this when another process replaces the front process."""
START_TIMEOUT: Final = 30.0
STARTS: Final = 3
"""Number of processes that may end in a row before they accept: one may be killed when memory is
short, but if none starts, it is useless to continue."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """The program of a front process, its standard input, and what it inherits."""

    program: str
    """One of our modules."""
    text: Callable[[], bytes]
    """Returns the input line for a process that starts now."""
    descriptors: tuple[int, ...]
    """Descriptors of listening sockets, which are ours and outlive the process."""


class _Worker:
    """One front process, restarted when it dies, until it is retired or stopped.

    It accepts nothing before ``open``.
    """

    def __init__(self, instruction: Instruction, report: ReportEvent) -> None:
        self._instruction = instruction
        self._report = report
        self._over = False
        self._is_open = False
        self._starts = 0
        """Number of starts since one was ready."""
        self._process: Process | None = None
        self._ready: asyncio.StreamWriter | None = None
        """The input of the process, once it has reported that it is ready."""
        self.started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.task = asyncio.create_task(self._keep_alive())

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    async def _keep_alive(self) -> None:
        while not self._over:
            self._starts += 1
            try:
                ended = await self._run()
            except Exception as error:  # noqa: BLE001 - no process, or the pipe of one that is gone
                ended = str(error)
            if not self.started.done() and (self._starts >= STARTS or self._is_over()):
                self.started.set_exception(GatepostError(f"a front process did not start: {ended}"))
            if not self._over:
                self._report("worker_died", reason=ended)
                delay = RESTART_DELAY * 2 ** min(max(0, self._starts - STARTS), 10)
                await asyncio.sleep(min(delay, LONGEST_DELAY))

    def _is_over(self) -> bool:
        """Tell whether it was ended meanwhile."""
        return self._over

    async def _run(self) -> str:
        """Run one process to its end; return how it ended."""
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
            # if the process is gone, uvloop raises RuntimeError: its status tells more
            with contextlib.suppress(OSError, RuntimeError):
                process.stdin.write(self._instruction.text() + b"\n")
                await process.stdin.drain()
            first_line = await process.stdout.readline()
            if first_line == READY:
                self._starts = 0
                self._ready = process.stdin
                if self._is_open:
                    self.open()
                if not self.started.done():
                    self.started.set_result(None)
            ended = f"process {process.pid} ended with {await process.wait()}"
            why = "" if first_line == READY else first_line.decode("utf-8", "replace").strip()
            return f"{ended}: {why}" if why else ended
        finally:
            self._process = self._ready = None

    def open(self) -> None:
        """Let the process accept, and each process that replaces it."""
        self._is_open = True
        if self._ready is not None:
            self._ready.write(OPEN)

    def retire(self) -> None:
        """Let the process end with its last session, and start no other."""
        if self._ready is None:
            self.end(signal.SIGTERM)
            return
        self._ready.write(RETIRE)
        self.end(signal.SIGCONT)

    def end(self, number: int) -> None:
        """Send a signal to the process, and start no other.

        A process that is suspended is continued to receive it, as by an init system.
        """
        self._over = True
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
                self._process.send_signal(signal.SIGCONT)


class Workers:
    """N front processes on sockets that are ours and outlive them."""

    def __init__(self, report: ReportEvent) -> None:
        self._report = report
        self._accepting: list[_Worker] = []
        self._coming: list[_Worker] = []
        self._retiring: set[_Worker] = set()

    @property
    def pids(self) -> Sequence[int]:
        """The processes that accept connections now."""
        return sorted(each.pid for each in self._accepting if each.pid is not None)

    async def start(self, instruction: Instruction, number: int) -> None:
        """Start ``number`` processes that accept. Raises GatepostError."""
        await self.prepare(instruction, number)
        self.take()

    async def prepare(self, instruction: Instruction, number: int) -> None:
        """Start ``number`` processes that accept nothing before ``take``.

        Raises GatepostError if one does not start; then all of them are ended.
        """
        self._coming = [_Worker(instruction, self._report) for _ in range(number)]
        try:
            await _wait_started(self._coming)
        except BaseException:
            await self.abandon()
            raise

    async def abandon(self) -> None:
        """End the prepared processes; those that accept stay."""
        coming, self._coming = self._coming, []
        for each in coming:
            each.end(signal.SIGKILL)
        if coming:
            await asyncio.wait([each.task for each in coming])

    def take(self) -> None:
        """Let the prepared processes accept. Earlier ones accept no more, and each ends with its
        last session; connections meanwhile wait in the queue of the socket, which is ours."""
        before, self._accepting, self._coming = self._accepting, self._coming, []
        for each in self._accepting:
            each.open()
        for each in before:
            self._retire(each)

    def _retire(self, worker: _Worker) -> None:
        self._retiring.add(worker)
        worker.task.add_done_callback(lambda _: self._retiring.discard(worker))
        worker.retire()

    async def stop(self, seconds: float) -> None:
        """Let every process drain; kill what is left after that."""
        workers = [*self._accepting, *self._coming, *self._retiring]
        for worker in workers:
            worker.end(signal.SIGTERM)
        tasks = [worker.task for worker in workers if not worker.task.done()]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for worker in workers:
            worker.end(signal.SIGKILL)
        if late:
            await asyncio.wait(late, timeout=2.0)


async def _wait_started(workers: Sequence[_Worker]) -> None:
    try:
        async with asyncio.timeout(START_TIMEOUT):
            await asyncio.gather(*[each.started for each in workers])
    except TimeoutError:
        raise GatepostError("a front process did not start in time") from None
