"""Signals that mean something to other servers, such as to write statistics, and nothing to us."""

import signal
from typing import Final

_STRAY: Final = ("SIGUSR1", "SIGUSR2", "SIGALRM")


def ignore_stray_signals(*more: str) -> None:
    """Ignore these signals, which would end the process; ``more`` are the names of others.

    Event loops restore them in the processes that they start.
    """
    for name in (*_STRAY, *more):
        if hasattr(signal, name):  # Windows has few
            signal.signal(getattr(signal, name), signal.SIG_IGN)
