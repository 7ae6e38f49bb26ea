"""The process around the event loop."""

import asyncio
import contextlib
import gc
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from gatepost.relay.context import Report
from gatepost.relay.faults import explain

T = TypeVar("T")

DRAIN: Final = 8.0
"""Seconds that open commits and peers get at the end; a stop takes at most ten."""
FILES: Final = 65_536
"""Open files that we would like: a connection is one."""
AGAIN: Final = 60.0
"""Seconds after which a fault is told that came again and again."""


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` on uvloop where it is installed, on asyncio's loop elsewhere."""
    raise_file_limit()
    interrupt_nobody()
    gc.freeze()  # what is loaded stays: nobody need look for garbage in it, nor when we end
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
    it, and asyncio would say so to a log that nobody reads. The same again is told once a while:
    asyncio itself says a thousand times a second that no file is left for a connection."""
    last, again_at = "", 0.0

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal last, again_at
        error = context.get("exception")
        # What else there is may quote arguments, and these what a client sent.
        reason = context["message"] if error is None else explain(error)
        if reason != last or loop.time() >= again_at:
            last, again_at = reason, loop.time() + AGAIN
            report("internal_error", reason=reason)

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


def interrupt_nobody() -> None:
    """Let whoever has a processor go on when something comes for us, until its turn is over.

    Our processes, their threads and their peers on this machine wake one another several times for
    each message. Who is interrupted each time works on cold caches, and in smaller groups. Linux
    calls this a batch process (sched(7)); threads and processes that we start have it from us. Who
    started us with a policy of his own gets that.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError):
        if os.sched_getscheduler(0) == os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
