"""The limit of open files, and what a process may do within it: each connection is a file."""

import contextlib
from typing import Final

from gatepost.net.descriptors import limit
from gatepost.queue.attempt_slots import ATTEMPTS

FILES: Final = 65_536
"""The desired limit of open files; each connection is one."""
FILES_BESIDES: Final = 100
"""Open files besides clients: the store, listeners, connections to servers."""
LOOKUPS: Final = 1000
"""Open files for look-ups in the DNS."""


def raise_file_limit() -> None:
    """Raise the soft limit of open files as far as permitted."""
    try:
        import resource  # noqa: PLC0415 - Unix only
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def attempts_within(clients: int) -> int:
    """Return how many attempts at delivery, each with a connection, this process has files for
    besides its clients; at least a quarter of the files that it may open."""
    most = limit()
    if most is None:
        return ATTEMPTS
    return min(ATTEMPTS, max(most // 4, most - clients - FILES_BESIDES - LOOKUPS))


def too_few_files(connections: int) -> str:
    """Return why this process cannot have that many clients; empty if it can."""
    try:
        import resource  # noqa: PLC0415 - Unix only
    except ImportError:
        return ""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= connections + FILES_BESIDES:
        return ""
    return (
        f"limits.connections is {connections}, and a process may open {soft} files: further "
        "clients wait; raise the limit (LimitNOFILE, ulimit -n)"
    )
