"""The file descriptors of this process: a server reserves the last ones for itself.

The system gives the lowest free number to each new descriptor. So if others only get numbers below
the reserve, health checks, commands and the store can always open what they need.
"""

import errno
import os
import socket
import sys
from enum import Enum
from typing import Final

from gatepost.errors import NoDescriptor

if sys.platform != "win32":
    import resource

_SHORT: Final = frozenset({errno.EMFILE, errno.ENFILE})
_LEAST, _MOST, _PART = 16, 64, 8
"""The reserve is an eighth of the limit, within these bounds."""


class Use(float, Enum):
    """What a descriptor is for; the value is the part of the reserve that is left to others."""

    CLIENT = 1.0
    """A client's connection over SMTP: there may be any number."""
    SERVICE = 0.5
    """A connection to a server, or one to the HTTP APIs, or content that is being received."""
    OWN = 0.0
    """Health checks, commands, the store."""


_reserving = False


def keep_reserve() -> None:
    """Reserve the last descriptors of this process from now on."""
    global _reserving  # noqa: PLW0603 - the limit is the process's, too
    _reserving = True


def limit() -> int | None:
    """Return how many descriptors this process may have; None: any number."""
    if sys.platform == "win32":
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def is_reserved(descriptor: int, use: Use) -> bool:
    """Tell whether a new descriptor is one of those that ``use`` must leave to others."""
    if not _reserving or use is Use.OWN or (most := limit()) is None:
        return False
    return descriptor >= most - _reserve_of(most) * use


def is_nearly_reserved(descriptor: int, use: Use) -> bool:
    """Tell whether one of the next descriptors may be reserved."""
    return is_reserved(descriptor + _LEAST, use)


def has_room(use: Use) -> bool:
    """Tell whether a descriptor for ``use`` can be opened now."""
    try:
        descriptor = os.open(os.devnull, os.O_RDONLY)
    except OSError:
        return False
    os.close(descriptor)
    return not is_reserved(descriptor, use)


def check_room(use: Use) -> None:
    """Raise NoDescriptor unless a descriptor for ``use`` can be opened now."""
    if not has_room(use):
        raise no_descriptor()


def is_shortage(error: OSError) -> bool:
    """Tell whether the process, or the system, had no descriptor left."""
    return error.errno in _SHORT


def no_descriptor() -> NoDescriptor:
    """Return the error: the sentence says which limit was reached."""
    most = limit()
    limited = "" if most is None else f" of its {most} (RLIMIT_NOFILE)"
    error = NoDescriptor(f"too many open files: this process has no free file descriptor{limited}")
    error.errno = errno.EMFILE
    return error


def _reserve_of(most: int) -> int:
    return min(_MOST, max(_LEAST, most // _PART))


def shut_down(descriptor: int) -> None:
    """End a connection that another thread waits for. Raises OSError."""
    with socket.fromfd(descriptor, socket.AF_INET, socket.SOCK_STREAM) as connection:
        connection.shutdown(socket.SHUT_RDWR)
