"""Event loops that leave no connection behind, whatever a library forgets there."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_and_cut(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` as ``asyncio.run`` does, then cut the connections that are still open.

    A library that closes TLS politely is not done when it says so.
    """
    with asyncio.Runner() as runner:
        try:
            return runner.run(main)
        finally:
            runner.run(cut_connections())


async def cut_connections() -> None:
    """Cut every connection of the running loop."""
    transports: Any = vars(asyncio.get_running_loop())["_transports"]  # by descriptor
    for transport in list(transports.values()):
        transport.abort()
    await asyncio.sleep(0)  # the loop closes them in its next turn
