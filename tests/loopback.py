"""What tests on loopback need again and again: a free port, and patience."""

import socket
import time
from collections.abc import Callable


def free_port() -> int:
    """A port on which nobody listens at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def eventually(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    """Return once it holds; fail when that takes too long."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
