"""Runs the event loop of a process: which loop, what happens to faults, and its scheduling."""

import asyncio
import contextlib
import gc
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from gatepost.model.operator_event import ReportEvent
from gatepost.net.descriptors import keep_reserve
from gatepost.processes.open_files import raise_file_limit
from gatepost.relay.safe_error_text import explain

T = TypeVar("T")

DRAIN: Final = 8.0
"""Seconds for commits in progress and open sessions at a stop, which takes at most ten."""
AGAIN: Final = 60.0
"""Seconds after which a repeated fault is reported again."""


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` on uvloop where it is installed, on asyncio's loop elsewhere."""
    raise_file_limit()
    keep_reserve()
    use_batch_scheduling()
    gc.freeze()  # what is loaded stays, so the garbage collector need not scan it, even at the end
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    return uvloop.new_event_loop


def report_faults(report: ReportEvent) -> None:
    """Report exceptions that nothing has caught, in a callback or a task of the running loop;
    asyncio would write them to a log that nobody reads. Repetitions are reported once in a while,
    because some can come a thousand times a second."""
    last, again_at = "", 0.0

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal last, again_at
        error = context.get("exception")
        # Anything else may quote arguments, and so what a client sent.
        reason = context["message"] if error is None else explain(error)
        if reason != last or loop.time() >= again_at:
            last, again_at = reason, loop.time() + AGAIN
            report("internal_error", reason=reason)

    asyncio.get_running_loop().set_exception_handler(handle)


async def side_by_side(*steps: Coroutine[Any, Any, None]) -> None:
    """Run all steps to their end, even if one fails; then raise the exception of the first one that
    failed."""
    for each in await asyncio.gather(*steps, return_exceptions=True):
        if each is not None:
            raise each


def has_terminal() -> bool:
    """Tell whether the process has a controlling terminal; one that was closed does not count."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def use_batch_scheduling() -> None:
    """Let the running process keep its processor until its time slice ends, even if something
    arrives for us.

    Our processes, their threads and their peers on this machine wake one another several times for
    each message. Interruptions lead to cold caches and smaller batches. Linux calls this a batch
    process (sched(7)); threads and child processes inherit it. Another policy that was set for this
    process is kept.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError):
        if os.sched_getscheduler(0) == os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
