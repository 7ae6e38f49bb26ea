"""Front processes: they take connections, TLS and SASL off the store process."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from gatepost.app.serving import Serving
from gatepost.errors import GatepostError
from gatepost.net.listen import Listener
from gatepost.relay.context import Report

RESTART_DELAY: Final = 0.5
READY: Final = b"ready\n"
START_TIMEOUT: Final = 30.0


@dataclass(frozen=True, slots=True)
class Front:
    """What a front process is told on its standard input; sockets by descriptor."""

    serving: Serving
    smtp: tuple[int, ...]
    smtps: tuple[int, ...]


class Workers:
    """N front processes on sockets that are ours and outlive them."""

    def __init__(
        self, serving: Serving, smtp: Listener | None, smtps: Listener | None, report: Report
    ) -> None:
        self._front = Front(serving, _descriptors(smtp), _descriptors(smtps))
        self._report = report
        self._tasks: list[asyncio.Task[None]] = []
        self._processes: dict[int, Process] = {}
        self._stopping = False

    @property
    def pids(self) -> Sequence[int]:
        """The processes that run now."""
        return sorted(process.pid for process in self._processes.values())

    async def start(self, number: int) -> None:
        """Start ``number`` processes; return when every one accepts. Raises GatepostError."""
        started = [asyncio.get_running_loop().create_future() for _ in range(number)]
        for index, future in enumerate(started):
            self._tasks.append(asyncio.create_task(self._keep_alive(index, future)))
        try:
            await asyncio.wait_for(asyncio.gather(*started), START_TIMEOUT)
        except TimeoutError:
            raise GatepostError("a front process did not start in time") from None

    async def _keep_alive(self, index: int, started: "asyncio.Future[None]") -> None:
        """Run one process; start another when it dies."""
        while not self._stopping:
            try:
                ended = await self._run(index, started)
            except OSError as error:  # no process, or none that listens to us
                ended = str(error)
            if not started.done():
                started.set_exception(GatepostError(f"a front process did not start: {ended}"))
            if not self._stopping:
                self._report("worker_died", reason=ended)
                await asyncio.sleep(RESTART_DELAY)

    async def _run(self, index: int, started: "asyncio.Future[None]") -> str:
        """Run one process to its end; return how that was."""
        process = await self._spawn()
        self._processes[index] = process
        try:
            if self._stopping:
                process.terminate()
            await self._instruct(process)
            assert process.stdout is not None  # noqa: S101 - it was asked for
            if await process.stdout.readline() == READY and not started.done():
                started.set_result(None)
            return f"process {process.pid} ended with {await process.wait()}"
        finally:
            del self._processes[index]

    async def _spawn(self) -> Process:
        front = self._front
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gatepost.app.front",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            pass_fds=(*front.smtp, *front.smtps),
        )  # fmt: skip

    async def _instruct(self, process: Process) -> None:
        assert process.stdin is not None  # noqa: S101 - it was asked for
        process.stdin.write(msgspec.json.encode(self._front, enc_hook=dict) + b"\n")
        await process.stdin.drain()

    async def stop(self, seconds: float) -> None:
        """Let every process drain; kill what is left after that."""
        self._stopping = True
        for process in list(self._processes.values()):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=seconds)
        for process in list(self._processes.values()):
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        if late:
            await asyncio.wait(late, timeout=2.0)


def _descriptors(listener: Listener | None) -> tuple[int, ...]:
    """Return descriptors that a child may keep."""
    if listener is None:
        return ()
    for sock in listener.sockets:
        os.set_inheritable(sock.fileno(), True)
    return tuple(sock.fileno() for sock in listener.sockets)
