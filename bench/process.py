"""The resources that a process and its descendants use, by ``/proc`` (Linux)."""

import os
from pathlib import Path

PROC = Path("/proc")
TICK = 1 / os.sysconf("SC_CLK_TCK")
IDLE_FIELDS = (3, 4)  # idle and iowait, in the first line of /proc/stat


def stat(pid: int) -> list[str]:
    """Return the fields of ``/proc/PID/stat`` after the command's name; the first one is the
    state."""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def tree(pid: int) -> list[int]:
    """Return `pid` and all its living descendants."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                parent = int(stat(int(entry.name))[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def cpu_seconds(pid: int) -> float:
    """Return the processor time of the tree, including processes that have ended."""
    total = 0
    for each in tree(pid):
        try:
            total += sum(int(ticks) for ticks in stat(each)[11:15])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total * TICK


def busy_seconds() -> float:
    """Return the processor time that the whole machine has used."""
    ticks = [int(field) for field in (PROC / "stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(ticks) - sum(ticks[field] for field in IDLE_FIELDS)) * TICK


def memory_kib(pid: int) -> int:
    """Return the proportional set size of the tree: shared memory counts once."""
    total = 0
    for each in tree(pid):
        try:
            lines = (PROC / str(each) / "smaps_rollup").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


def peak_kib(pid: int) -> int:
    """Return the sum of the peak resident sizes of the processes."""
    total = 0
    for each in tree(pid):
        lines = (PROC / str(each) / "status").read_text().splitlines()
        total += next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    return total


def reset_peak(pid: int) -> None:
    """Reset `peak_kib`."""
    for each in tree(pid):
        (PROC / str(each) / "clear_refs").write_text("5")
