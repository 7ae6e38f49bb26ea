"""The processes of this machine (Linux)."""

from contextlib import suppress
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")


def processes() -> dict[int, tuple[int, int]]:
    """Return parent and process group of every living process."""
    living = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError, ValueError):
                state, parent, group = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
                if state not in "ZX":
                    living[int(entry.name)] = (int(parent), int(group))
    return living


def children_of(pid: int) -> list[int]:
    """Return the living children of a process."""
    return [each for each, (parent, _) in processes().items() if parent == pid]


def environment_of(pid: int) -> dict[str, str]:
    """Return the environment that a process started with; empty if we may not see it, or it is
    gone."""
    try:
        content = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return {}
    pairs = [each.partition("=") for each in content.decode("utf-8", "replace").split("\0")]
    return {name: value for name, _, value in pairs if name}
