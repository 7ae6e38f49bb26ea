"""What the kernel tells of processes."""

from pathlib import Path

_GONE = {"", "Z", "X"}


def children(pid: int) -> set[int]:
    """The processes that ``pid`` started and that still run."""
    numbers = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return {number for number in numbers if _parent(number) == pid and is_alive(number)}


def is_alive(pid: int) -> bool:
    """True unless it is gone or a zombie."""
    return _stat(pid)[0] not in _GONE


def _parent(pid: int) -> int:
    return int(_stat(pid)[1])


def _stat(pid: int) -> list[str]:
    """State, parent and the rest of ``/proc/PID/stat``."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ["", "0"]
    return text.rpartition(")")[2].split()
