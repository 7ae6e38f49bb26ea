"""Facts about processes, from the kernel."""

from pathlib import Path

from tests import forked_fronts

_GONE = {"", "Z", "X"}


def children(pid: int) -> set[int]:
    """Return the running processes that ``pid`` started, itself or by its fork server."""
    numbers = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    parents = {number: _parent(number) for number in numbers if is_alive(number)}
    started = {number for number, parent in parents.items() if parent == pid}
    servers = {number for number in started if _name(number) == forked_fronts.NAME}
    return started - servers | {number for number, parent in parents.items() if parent in servers}


def is_alive(pid: int) -> bool:
    """Return whether it runs: it is neither gone nor a zombie."""
    return _stat(pid)[0] not in _GONE


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _parent(pid: int) -> int:
    return int(_stat(pid)[1])


def _stat(pid: int) -> list[str]:
    """Return state, parent and the rest of ``/proc/PID/stat``."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ["", "0"]
    return text.rpartition(")")[2].split()
