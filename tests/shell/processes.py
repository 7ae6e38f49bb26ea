"""Facts about processes, from the kernel."""

from pathlib import Path

_GONE = {"", "Z", "X"}


def children(pid: int) -> set[int]:
    """Return the running processes that ``pid`` started."""
    numbers = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return {number for number in numbers if _parent(number) == pid and is_alive(number)}


def is_alive(pid: int) -> bool:
    """Return whether it runs: it is neither gone nor a zombie."""
    return _stat(pid)[0] not in _GONE


def _parent(pid: int) -> int:
    return int(_stat(pid)[1])


def _stat(pid: int) -> list[str]:
    """Return state, parent and the rest of ``/proc/PID/stat``."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ["", "0"]
    return text.rpartition(")")[2].split()
