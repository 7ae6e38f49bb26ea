"""Event loops that close every connection at the end, even those a library leaves open, or that
know how long they were occupied."""

import asyncio
from collections.abc import Coroutine
from time import thread_time
from typing import Any, TypeVar

T = TypeVar("T")


def run_and_cut(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` as ``asyncio.run`` does, then abort the connections that are still open.

    A library that closes TLS gracefully may still wait after it says that it is done.
    """
    with asyncio.Runner() as runner:
        try:
            return runner.run(main)
        finally:
            runner.run(cut_connections())


async def cut_connections() -> None:
    """Abort every connection of the running loop."""
    transports: Any = vars(asyncio.get_running_loop())["_transports"]  # by descriptor
    for transport in list(transports.values()):
        transport.abort()
    await asyncio.sleep(0)  # the loop closes them in its next turn


class TimedLoop(asyncio.SelectorEventLoop):
    """Knows the longest of its turns, in which nobody else is served.

    That is processor time, so that a busy machine does not make it longer.
    """

    longest = 0.0
    """Seconds."""

    def _run_once(self) -> None:
        start = thread_time()
        super()._run_once()  # type: ignore[misc]  # it is no part of the documented interface
        self.longest = max(self.longest, thread_time() - start)
