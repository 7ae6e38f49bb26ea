"""Helpers for tests on loopback: a free port, and waiting for a condition."""

import asyncio
import socket
import time
from collections.abc import Callable


def free_port() -> int:
    """Return a port on which nothing listens at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def eventually(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until ``holds()`` is true; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


async def until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Do what ``eventually`` does, and let an event loop run meanwhile."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.01)
