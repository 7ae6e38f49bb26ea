"""Front processes that start at once, as ``tests.fork_server`` starts their store process.

Before it has any thread, the store process forks a server of its own, which forks its front
processes: so they are in its session and in its group.
"""

import asyncio
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

from tests import fork_server

NAME: Final = "fork-fronts"
"""What the kernel calls the server."""
_CREATE: Final = asyncio.create_subprocess_exec


def has_fronts(command: Sequence[str]) -> bool:
    """Return whether the command may start front processes."""
    if "--workers" in command:
        return "0" not in command[command.index("--workers") + 1 :][:1]
    return "serve" in command or any(word.startswith("--workers=") for word in command)


def serve(command: list[str]) -> list[str] | None:
    """Fork a server for this process, and return the command. In the server return None at its end,
    which is that of this process, and in each front process return the command of that."""
    lifeline, ours = os.pipe()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"\0{NAME}-{os.getpid()}")
    listener.listen(100)
    if os.fork():
        os.close(lifeline)
        _Popen.server = listener.getsockname()
        listener.close()
        asyncio.create_subprocess_exec = Front.start  # type: ignore[assignment]
        return command
    os.close(ours)
    Path("/proc/self/comm").write_text(NAME)
    return fork_server.Server(listener, lifeline).serve()


class _Popen(fork_server.Popen):
    """What is forked by the server of this process."""


class Front:
    """A front process: what we use of an ``asyncio.subprocess.Process``."""

    def __init__(self, process: _Popen) -> None:
        self._process = process
        self.pid = process.pid
        self.terminate, self.send_signal = process.terminate, process.send_signal

    @classmethod
    async def start(cls, *command: str, **more: Any) -> "Self | asyncio.subprocess.Process":
        """Start it, as ``asyncio.create_subprocess_exec`` does, which starts all others."""
        if more.get("stdin") != asyncio.subprocess.PIPE:
            return await _CREATE(*command, **more)
        front = cls(_Popen(command, bufsize=0, **more))
        await front._connect()
        return front

    async def _connect(self) -> None:
        loop, self.stdout = asyncio.get_running_loop(), asyncio.StreamReader()
        self._output, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(self.stdout), self._process.stdout
        )
        self._input, protocol = await loop.connect_write_pipe(
            lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), self._process.stdin
        )
        self.stdin = asyncio.StreamWriter(self._input, protocol, None, loop)

    async def wait(self) -> int:
        """Wait for its end, and return how it ended."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        assert self._process.connection is not None
        loop.add_reader(self._process.connection, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._process.connection)
            self._input.close()
            self._output.close()
        return int(self._process.wait())
