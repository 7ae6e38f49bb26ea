"""The protocol of systemd for the state of a service (sd_notify(3)), without its library."""

import os
import socket
import time
from typing import Final

_VARIABLE: Final = "NOTIFY_SOCKET"


def try_notify(state: str) -> bool:
    """Send a state such as ``READY=1`` to the service manager; False if there is none.

    Errors are ignored: a service does not depend on its service manager.
    """
    path = os.environ.get(_VARIABLE, "")
    if not path.startswith(("/", "@")) or not hasattr(socket, "AF_UNIX"):
        return False
    address = f"\0{path[1:]}" if path.startswith("@") else path
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.sendto(state.encode(), address)
    except OSError:
        return False
    return True


def reload_begins() -> str:
    """Return the state that begins a reload (``Type=notify-reload``)."""
    microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000
    return f"RELOADING=1\nMONOTONIC_USEC={microseconds}"
