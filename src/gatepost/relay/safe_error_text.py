"""Errors as text that is safe to show."""

import asyncio
import os
import traceback
from typing import Any, Final

from gatepost.errors import GatepostError
from gatepost.model.reply import Esc, Reply

NO_ANSWER: Final = Reply(451, "Local error in processing", Esc(4, 3, 0))
BROKEN: Final = Reply(421, "Local error, closing connection", Esc(4, 3, 0))


def error_of(future: "asyncio.Future[Any]") -> BaseException | None:
    """Return the exception of a finished future; None if it has a result."""
    return asyncio.CancelledError() if future.cancelled() else future.exception()


def explain(error: BaseException) -> str:
    """Return what happened and where.

    The message of another library's error is left out, because it may quote what a client sent. The
    operating system's messages quote nothing.
    """
    if isinstance(error, GatepostError):
        return str(error)
    kind = type(error).__name__
    if isinstance(error, OSError) and error.errno and type(error).__module__ == "builtins":
        kind = f"{kind} ({os.strerror(error.errno)})"
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{kind}{where}"
