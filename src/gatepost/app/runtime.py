"""The process around the event loop."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from gatepost.relay.context import Report
from gatepost.relay.faults import explain

T = TypeVar("T")

DRAIN: Final = 8.0
"""Seconds that open commits and peers get at the end; a stop takes at most ten."""
FILES: Final = 65_536
"""Open files that we would like: a connection is one."""


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` on uvloop where it is installed, on asyncio's loop elsewhere."""
    raise_file_limit()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    return uvloop.new_event_loop


def report_faults(report: Report) -> None:
    """Tell the operator of what nobody caught: a callback or a task of the running loop ended by
    it, and asyncio would say so to a log that nobody reads."""

    def handle(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        # What else there is may quote arguments, and these what a client sent.
        report("internal_error", reason=context["message"] if error is None else explain(error))

    asyncio.get_running_loop().set_exception_handler(handle)


async def side_by_side(*steps: Coroutine[Any, Any, None]) -> None:
    """Take all steps to their end, also when one fails; then raise what the first one raised."""
    for each in await asyncio.gather(*steps, return_exceptions=True):
        if each is not None:
            raise each


def raise_file_limit() -> None:
    """Raise the soft limit of open files as far as we may."""
    try:
        import resource  # noqa: PLC0415 - Unix only
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
